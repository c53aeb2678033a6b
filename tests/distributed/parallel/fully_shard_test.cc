#include "distributed/parallel/fully_shard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/hearth.h"
#include "distributed/io/sharded_checkpoint.h"
#include "distributed/parallel/grad_norm.h"
#include "distributed/parallel/zero.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

struct Block : nn::Module<Block> {
  nn::LayerNorm norm{this, "norm", Shape{6}};
  nn::Linear up{this, "up", 6, 11}, down{this, "down", 11, 6};
  Tensor forward(const Tensor& x) { return x + down(gelu(up(norm(x)))); }
};

// Tied weights, a part that not every pass uses, one that is not trained, and a buffer.
struct Net : nn::Module<Net> {
  nn::Embedding embedding{this, "embedding", 13, 6};
  nn::ModuleList<Block> blocks{this, "blocks"};
  nn::BatchNorm1d norm{this, "norm", 6};
  nn::Parameter bias{this, "bias", zeros({13})};
  nn::Linear extra{this, "extra", 6, 6}, frozen{this, "frozen", 6, 6};
  bool with_extra = true, again = false;
  Net() {
    for (int i = 0; i < 3; ++i) blocks.emplace_back();
    frozen.requires_grad_(false);
    norm.eval();
  }
  Tensor forward(const Tensor& ids) {
    Tensor x = embedding(ids);
    for (Block& b : blocks) x = again ? checkpoint([&b](const Tensor& h) { return b(h); }, x) : b(x);
    x = norm(frozen(x));
    if (with_extra) x = extra(x);
    return matmul(x, embedding.weight.t()) + bias;
  }
};

// Units: the blocks, and what has weights of its own below the root.
FullyShardOptions small_units() {
  return {.unit = [](const std::string& path, const nn::ModuleBase& m) {
    return m.as<Block>() != nullptr || path == "extra" || path == "frozen";
  }};
}

std::unique_ptr<Net> make_net() {
  Generator random(5);
  const GeneratorGuard drawn(random);
  auto net = std::make_unique<Net>();
  net->norm.train(false);
  return net;
}

struct Batch {
  Tensor ids, labels;
};
// The same for all; `rank` of `ranks` takes its part.
Batch batch_of(int step, int rank = 0, int ranks = 1) {
  Generator random(static_cast<uint64_t>(100 + step));
  const Tensor ids = randint(0, 13, {24}, {}, &random), labels = randint(0, 13, {24}, {}, &random);
  const int64_t n = 24 / ranks;
  return {ids.narrow(0, n * rank, n), labels.narrow(0, n * rank, n)};
}
void backward(Net& net, const Batch& b) { cross_entropy(net(b.ids), b.labels).backward(); }

// The whole parameters of a sharded net against those of one that is not, of which rounding may differ.
void expect_parameters(FullyShard& sharded, Net& net, Net& expected, double tolerance) {
  const FullyShard::Whole whole(sharded);
  const auto a = net.named_parameters(), b = expected.named_parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].second.shape(), b[i].second.shape()) << a[i].first;
    const double largest = std::max(1e-3, b[i].second.detach().abs().max().item<double>());
    EXPECT_LE((a[i].second.detach() - b[i].second.detach()).abs().max().item<double>(), tolerance * largest)
        << a[i].first;
  }
}

class Sharded : public testing::TestWithParam<std::pair<std::string, int>> {};
INSTANTIATE_TEST_SUITE_P(Backends, Sharded,
                         testing::Values(std::pair("threads", 1), std::pair("threads", 2), std::pair("threads", 3),
                                         std::pair("threads", 4), std::pair("gloo", 2)),
                         [](const auto& info) { return info.param.first + std::to_string(info.param.second); });

// Two backward passes a step, so that gradients add up.
void train(Net& net, optim::Optimizer& o, int from, int to, int rank, int ranks) {
  for (int step = from; step < to; ++step) {
    net.with_extra = step % 2 == 0;
    net.again = step % 3 == 2;
    o.zero_grad();
    backward(net, batch_of(2 * step, rank, ranks));
    backward(net, batch_of(2 * step + 1, rank, ranks));
    o.step();
  }
}

TEST_P(Sharded, TrainsAsOneProcessOnTheJoinedBatch) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net(), plain = make_net();
    // Others get the first rank's values.
    if (g.rank() > 0) {
      const NoGrad off;
      for (Tensor p : net->parameters()) p.fill_(7);
    }
    FullyShard sharded(*net, g, small_units());
    EXPECT_EQ(sharded.units(), 6u);
    optim::AdamW o(net->named_parameters(), {.lr = 0.01}), p(plain->named_parameters(), {.lr = 0.01});
    train(*net, o, 0, 5, g.rank(), g.size());
    train(*plain, p, 0, 5, 0, 1);
    expect_parameters(sharded, *net, *plain, 1e-5);
    if (g.size() > 1) {
      // A part of everything, on each rank.
      int64_t mine = 0;
      for (const Tensor& t : net->parameters()) mine += t.numel();
      EXPECT_LE(mine, plain->parameter_count() / g.size() + 13 * static_cast<int64_t>(plain->parameters().size()));
      EXPECT_EQ(net->embedding.weight.dim(), 1);
    }
  });
}

TEST_P(Sharded, GradientsAreTheRanksPartsOfTheAverage) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net(), plain = make_net();
    FullyShard sharded(*net, g, small_units());
    net->with_extra = plain->with_extra = false;
    backward(*net, batch_of(1, g.rank(), g.size()));
    backward(*plain, batch_of(1));
    const auto parts = sharded.shards();
    for (const auto& [name, t] : plain->named_parameters()) {
      Tensor mine;
      for (const auto& [n, p] : net->named_parameters()) {
        if (n == name) mine = p.grad();
      }
      // What no rank has used, and what is not trained, has none.
      ASSERT_EQ(mine.defined(), t.grad().defined()) << name;
      if (!mine.defined()) continue;
      const ShardedTensor& part = parts.at(name);
      const Tensor expected =
          t.grad().reshape({t.numel()}).narrow(0, part.begin, part.values.numel()).reshape(mine.shape());
      const double largest = t.grad().abs().max().item<double>();
      if (mine.numel() == 0) continue;
      EXPECT_LE((mine - expected).abs().max().item<double>(), 1e-6 * largest + 1e-12) << name;
    }
    // The norm of all of them.
    const double whole = optim::grad_norm(plain->parameters()).item<double>();
    const double norm = optim::grad_norm(net->parameters(), 2, g.size() > 1 ? reduce_norm(g) : nullptr).item<double>();
    EXPECT_NEAR(norm, whole, 1e-5 * whole);
  });
}

TEST_P(Sharded, OneRankMayLeaveAPartUnused) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net();
    FullyShard sharded(*net, g, small_units());
    const Tensor x = ones({2, 6});
    // Units are called by all, but only the first rank's loss reaches them.
    const Tensor y = net->extra(x);
    (net->bias.sum() * 0 + (g.rank() == 0 ? y.sum() : y.detach().sum())).backward();
    const Tensor grad = net->extra.bias->grad();
    ASSERT_TRUE(grad.defined());
    for (const double v : grad.to_vector<double>()) EXPECT_NEAR(v, 2.0 / g.size(), 1e-6);
  });
}

TEST_P(Sharded, WholeParametersExistOnlyWhileTheyAreUsed) {
  const int ranks = GetParam().second;
  on_ranks(GetParam().first, ranks, [](ProcessGroup& g) {
    const auto net = make_net();
    FullyShard sharded(*net, g, small_units());
    const Tensor up = net->blocks[1].up.weight;
    if (g.size() == 1) {
      EXPECT_EQ(up.dim(), 2);
      return;
    }
    EXPECT_EQ(up.dim(), 1);
    int seen = 0;
    const HookHandle h = net->blocks[1].register_forward_pre_hook([&](nn::ModuleBase& m, nn::HookTensors&) {
      ++seen;
      EXPECT_EQ(to_string(up.shape()), "[11, 6]");
      EXPECT_EQ(net->blocks[0].up.weight.dim(), 1);
      (void)m;
    });
    const Tensor y = (*net)(batch_of(0, g.rank(), g.size()).ids);
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(up.dim(), 1);
    y.sum().backward();
    EXPECT_EQ(up.dim(), 1);
    EXPECT_EQ(up.grad().shape(), up.shape());
    {
      const FullyShard::Whole whole(sharded);
      EXPECT_EQ(to_string(up.shape()), "[11, 6]");
      EXPECT_FALSE(up.grad().defined());
      const NoGrad off;
      net->blocks[1].up.weight.fill_(0.25);
    }
    EXPECT_EQ(up.dim(), 1);
    EXPECT_EQ(up.grad().shape(), up.shape());
    for (const double v : up.to_vector<double>()) EXPECT_EQ(v, 0.25);
  });
}

TEST_P(Sharded, WithoutGradientsToo) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net(), plain = make_net();
    FullyShard sharded(*net, g, small_units());
    const Batch b = batch_of(3);
    Tensor mine, expected;
    {
      const InferenceMode on;
      mine = (*net)(b.ids);
      expected = (*plain)(b.ids);
    }
    EXPECT_TRUE(equal(mine, expected));
    const NoGrad off;
    EXPECT_TRUE(equal((*net)(b.ids), expected));
  });
}

TEST_P(Sharded, SaysWhatCannotBe) {
  const int ranks = GetParam().second;
  on_ranks(GetParam().first, ranks, [](ProcessGroup& g) {
    const auto net = make_net();
    FullyShard sharded(*net, g, small_units());
    if (g.size() == 1) return;  // a model like any other
    optim::SGD o(net->named_parameters(), {.lr = 0.1});
    // A step between forward and backward.
    backward(*net, batch_of(0, g.rank(), g.size()));
    const Tensor loss = (*net)(batch_of(1).ids).sum();
    o.step();
    EXPECT_NE(error_of([&] { loss.backward(); }).find("was changed by an in-place operation since forward"),
              std::string::npos);
    // Everything goes on after it.
    o.zero_grad();
    backward(*net, batch_of(0, g.rank(), g.size()));
    o.step();
    // An optimizer that takes parts for the whole.
    ZeroOptimizer zero(optim::SGD(net->named_parameters(), {.lr = 0.1}), g);
    EXPECT_NE(error_of([&] { zero.step(); }).find("FullyShard's are parts"), std::string::npos);
    // Writing in forward.
    const HookHandle h = net->extra.register_forward_pre_hook([](nn::ModuleBase& m, nn::HookTensors&) {
      const NoGrad off;
      m.as<nn::Linear>()->weight.mul_(2);
    });
    EXPECT_NE(error_of([&] {
                net->extra(ones({1, 6}));
              }).find("forward has written to the parameter \"extra."),
              std::string::npos);
    // Another model's optimizer.
    nn::Linear other(2, 2);
    optim::SGD wrong(other.named_parameters(), {.lr = 0.1});
    EXPECT_NE(error_of([&] { (void)sharded.shards(wrong); }).find("\"weight\""), std::string::npos);
    optim::SGD nameless(net->parameters(), {.lr = 0.1});
    EXPECT_NE(error_of([&] { (void)sharded.shards(nameless); }).find("named_parameters()"), std::string::npos);
  });
}

struct Stack : nn::Module<Stack> {
  nn::ModuleList<nn::Linear> layers{this, "layers"};
  Stack() {
    for (int i = 0; i < 4; ++i) layers.emplace_back(512, 512);
    layers.emplace_back(512, 2);
  }
  Tensor forward(Tensor x) {
    for (nn::Linear& l : layers) x = tanh(l(x));
    return x;
  }
};

// Several dtypes, one number, nothing, and a dense layout that is not row-major.
struct Odd : nn::Module<Odd> {
  nn::Parameter scale{this, "scale", full({}, 2.0)}, none{this, "none", zeros({0, 3})};
  nn::Parameter wide{this, "wide", arange(5, {.dtype = f64})};
  nn::Parameter turned{this, "turned", arange(6, {.dtype = f32}).reshape({2, 3}).t()};
  Tensor forward(const Tensor& x) {
    return (matmul(x, turned) * scale).sum() + none.sum() + wide.square().sum().to(f32);
  }
};

TEST_P(Sharded, ParametersOfEveryKind) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    for (const bool keep : {false, true}) {
      Odd net, plain;
      FullyShard sharded(net, g, {.reshard_after_forward = !keep});
      optim::SGD o(net.named_parameters(), {.lr = 0.125}), p(plain.named_parameters(), {.lr = 0.125});
      for (int step = 0; step < 2; ++step) {
        const Tensor x = arange(6, {.dtype = f32}).reshape({2, 3}) + step;
        o.zero_grad();
        p.zero_grad();
        net(x).backward();
        plain(x).backward();
        o.step();
        p.step();
      }
      const FullyShard::Whole whole(sharded);
      const auto a = net.named_parameters(), b = plain.named_parameters();
      for (size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].second.shape(), b[i].second.shape()) << a[i].first;
        EXPECT_EQ(a[i].second.strides(), b[i].second.strides()) << a[i].first;
        EXPECT_TRUE(equal(a[i].second.detach(), b[i].second.detach())) << a[i].first;
      }
    }
  });
}

TEST_P(Sharded, BackwardUnderWhole) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net();
    FullyShard sharded(*net, g, small_units());
    const FullyShard::Whole whole(sharded);
    backward(*net, batch_of(0));
    const Tensor loss = (*net)(batch_of(1).ids).sum();
    {
      const NoGrad off;
      net->blocks[1].up.weight.mul_(2);
    }
    EXPECT_NE(error_of([&] { loss.backward(); }).find("in-place operation"), std::string::npos);
  });
}

TEST_P(Sharded, UnderAutocast) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    const auto net = make_net(), plain = make_net();
    FullyShard sharded(*net, g, small_units());
    optim::SGD o(net->named_parameters(), {.lr = 0.1}), p(plain->named_parameters(), {.lr = 0.1});
    const auto step = [](Net& n, optim::Optimizer& by, const Batch& b) {
      Tensor loss;
      {
        const Autocast mixed(bf16);
        loss = cross_entropy(n(b.ids), b.labels);
      }
      by.zero_grad();
      loss.backward();
      by.step();
    };
    for (int i = 0; i < 2; ++i) {
      step(*net, o, batch_of(i, g.rank(), g.size()));
      step(*plain, p, batch_of(i));
    }
    // Gradients of parts of the batch are rounded to bf16 each.
    expect_parameters(sharded, *net, *plain, 0.05);
  });
}

TEST(FullyShard, AFrozenModelIsLetGoInBackwardToo) {
  run_ranks(
      2,
      [](ProcessGroup& g) {
        Stack net;
        for (size_t i = 0; i < 4; ++i) net.layers[i].requires_grad_(false);
        FullyShard sharded(net, g);
        size_t whole = 0, most = 0;
        Tensor x = ones({4, 512});
        x.requires_grad_();
        // Of the storages that backward has gathered, those that are alive when the next gradient comes.
        std::vector<HookHandle> hooks;
        for (size_t i = 0; i < 4; ++i) {
          hooks.push_back(net.layers[i].register_full_backward_pre_hook([&](nn::ModuleBase&, nn::HookTensors&) {
            whole = sharded.gathered();
            most = std::max(most, whole);
          }));
        }
        net(x).sum().backward();
        // The root, the unit that backward is at, and the one that comes next.
        EXPECT_LE(most, 3u);
        EXPECT_GE(most, 2u);
        EXPECT_EQ(sharded.gathered(), 0u);
        EXPECT_TRUE(x.grad().defined());
      },
      patient());
}

TEST(FullyShard, AParameterMayNotBeginToLearn) {
  run_ranks(
      2,
      [](ProcessGroup& g) {
        const auto net = make_net();
        FullyShard sharded(*net, g, small_units());
        net->frozen.requires_grad_(true);
        EXPECT_NE(error_of([&] { (*net)(batch_of(0).ids); }).find("did not require a gradient"), std::string::npos);
      },
      patient());
}

TEST(FullyShard, RanksWithDifferentModelsAreTold) {
  EXPECT_NE(error_of([] {
              run_ranks(
                  2,
                  [](ProcessGroup& g) {
                    nn::Linear net(3, 2 + g.rank());
                    FullyShard sharded(net, g);
                  },
                  patient());
            }).find("FullyShard: ranks have different models"),
            std::string::npos);
}

TEST(FullyShard, UnitsAreTheLargeItemsOfLists) {
  run_ranks(
      2,
      [](ProcessGroup& g) {
        Stack net;
        FullyShard sharded(net, g);
        EXPECT_EQ(sharded.units(), 5u);  // four layers of 1 MiB; the small one is the root's
      },
      patient());
}

size_t gathers(const FullyShard& sharded) {
  size_t n = 0;
  for (const Recorded& r : sharded.record()) n += r.call.text().rfind("all_gather #", 0) == 0 ? 1 : 0;
  return n;
}

// The next unit is on its way while one computes, from the second pass on.
TEST(FullyShard, GathersAhead) {
  run_ranks(
      2,
      [](ProcessGroup& g) {
        Stack net;
        FullyShard sharded(net, g);
        std::vector<size_t> seen;
        std::vector<HookHandle> hooks;
        for (size_t i = 0; i < 4; ++i) {
          hooks.push_back(net.layers[i].register_forward_pre_hook(
              [&](nn::ModuleBase&, nn::HookTensors&) { seen.push_back(gathers(sharded)); }));
        }
        const Tensor x = ones({4, 512});
        net(x).sum().backward();
        // The last layer, which belongs to the root, then one after another.
        EXPECT_EQ(seen, (std::vector<size_t>{2, 3, 4, 5}));
        // Once more each for backward, but for the root.
        EXPECT_EQ(gathers(sharded), 9u);
        seen.clear();
        net(x).sum().backward();
        EXPECT_EQ(seen, (std::vector<size_t>{12, 13, 14, 14}));
        EXPECT_EQ(gathers(sharded), 18u);
      },
      patient());
}

TEST(FullyShard, AModelWithoutMemoryGetsItsPartsFromACheckpoint) {
  const std::string directory = testing::TempDir() + "/meta";
  const auto first = make_net();
  run_ranks(
      1,
      [&](ProcessGroup& g) {
        ShardedCheckpoint c;
        c.put("model", *first);
        EXPECT_TRUE(c.save(g, directory, 1, {}).ok());
      },
      patient());
  for (const int ranks : {1, 3}) {
    run_ranks(
        ranks,
        [&](ProcessGroup& g) {
          struct Plain : nn::Module<Plain> {
            nn::Embedding embedding{this, "embedding", 13, 6};
            nn::ModuleList<Block> blocks{this, "blocks"};
            nn::BatchNorm1d norm{this, "norm", 6};
            Plain() {
              for (int i = 0; i < 2; ++i) blocks.emplace_back();
              norm.eval();
            }
            Tensor forward(const Tensor& ids) {
              Tensor x = embedding(ids);
              for (Block& b : blocks) x = b(x);
              return norm(x);
            }
          };
          Plain whole;
          const std::string path = directory + "-plain";
          ShardedCheckpoint c;
          for (const Tensor& p : whole.parameters()) g.broadcast(p.detach(), 0);
          whole.norm.running_mean->fill_(0.5);
          c.put("model", whole);
          ASSERT_TRUE(c.save(g, path, 1, {}).ok());
          std::unique_ptr<Plain> net;
          {
            const DefaultDevice meta(kMeta);
            net = std::make_unique<Plain>();
          }
          FullyShard sharded(*net, g, small_units());
          EXPECT_TRUE(std::isnan((*net)(arange(3)).sum().item<double>()));
          auto reader = ShardedReader::open(path);
          ASSERT_TRUE(reader.ok()) << reader.status();
          ASSERT_TRUE(reader->get("model", sharded).ok()) << reader->get("model", sharded);
          const NoGrad off;
          EXPECT_TRUE(equal((*net)(arange(3)), whole(arange(3))));
          // Another model's checkpoint.
          auto other = ShardedReader::open(directory);
          ASSERT_TRUE(other.ok());
          const std::string text(other->get("model", sharded).message());
          EXPECT_NE(text.find("unexpected: bias"), std::string::npos) << text;
        },
        patient());
  }
}

TEST(FullyShard, GoesOnWithAnotherNumberOfRanks) {
  const std::string directory = testing::TempDir() + "/ranks";
  const auto plain = make_net();
  optim::AdamW expected(plain->named_parameters(), {.lr = 0.01});
  train(*plain, expected, 0, 6, 0, 1);
  int step = 0;
  for (const int ranks : {4, 2, 3}) {
    run_ranks(
        ranks,
        [&](ProcessGroup& g) {
          const auto net = make_net();
          FullyShard sharded(*net, g, small_units());
          optim::AdamW o(net->named_parameters(), {.lr = 0.01});
          if (step > 0) {
            const auto reader = ShardedReader::open(directory);
            ASSERT_TRUE(reader.ok()) << reader.status();
            ASSERT_TRUE(reader->get("model", sharded).ok()) << reader->get("model", sharded);
            ASSERT_TRUE(reader->get("optimizer", sharded, o).ok()) << reader->get("optimizer", sharded, o);
          }
          train(*net, o, step, step + 2, g.rank(), g.size());
          ShardedCheckpoint c;
          c.put("model", sharded);
          c.put("optimizer", sharded, o);
          const absl::Status s = c.save(g, directory, step + 2, {});
          EXPECT_TRUE(s.ok()) << s;
          if (step == 4) expect_parameters(sharded, *net, *plain, 1e-5);
        },
        patient());
    step += 2;
  }
  // What was spread is read whole, and by ZeRO.
  const auto reader = ShardedReader::open(directory);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto again = make_net();
  ASSERT_TRUE(reader->get("model", *again).ok()) << reader->get("model", *again);
  run_ranks(
      2,
      [&](ProcessGroup& g) {
        ZeroOptimizer zero(optim::AdamW(again->named_parameters(), {.lr = 0.01}), g);
        const absl::Status s = reader->get("optimizer", zero);
        EXPECT_TRUE(s.ok()) << s;
      },
      patient());
}

}  // namespace
}  // namespace hearth::distributed
