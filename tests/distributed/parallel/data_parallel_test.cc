#include "distributed/parallel/data_parallel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/hearth.h"
#include "distributed/parallel/grad_norm.h"
#include "distributed/parallel/join.h"
#include "distributed/parallel/sync_batch_norm.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

// No batch norm, no dropout.
struct Plain : nn::Module<Plain> {
  nn::Conv2d conv1{this, "conv1", 1, 8, 3, {.padding = 1}};
  nn::Conv2d conv2{this, "conv2", 8, 16, 3, {.padding = 1}};
  nn::Linear fc{this, "fc", 16 * 7 * 7, 32};
  nn::Linear head{this, "head", 32, 10};
  Tensor forward(const Tensor& x) {
    Tensor h = max_pool2d(relu(conv1(x)), 2);
    h = max_pool2d(relu(conv2(h)), 2);
    return head(relu(fc(h.flatten(1))));
  }
};

std::vector<Tensor> gradients(const nn::ModuleBase& net) {
  std::vector<Tensor> out;
  for (const Tensor& p : net.parameters()) out.push_back(p.grad().defined() ? p.grad().clone() : Tensor());
  return out;
}

double largest(const std::vector<Tensor>& ts) {
  double out = 0;
  for (const Tensor& t : ts) out = std::max(out, t.abs().max().item<double>());
  return out;
}
double difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double out = 0;
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].defined(), b[i].defined()) << i;
    if (a[i].defined() && b[i].defined()) out = std::max(out, (a[i] - b[i]).abs().max().item<double>());
  }
  return out;
}

struct Batch {
  Tensor x, y;
  // This rank's part of n.
  Batch part(int rank, int n) const {
    const int64_t per = x.size(0) / n;
    return {x.narrow(0, per * rank, per), y.narrow(0, per * rank, per)};
  }
};
Batch batch_of(int64_t n, uint64_t seed = 7) {
  Generator random(seed);
  return {zeros({n, 1, 28, 28}).normal_(0, 1, &random), zeros({n}, {.dtype = i64}).random_(0, 10, &random)};
}

const DataParallelOptions kSmallBuckets{
    .bucket_bytes = 4 << 10, .first_bucket_bytes = 2 << 10, .alone_bytes = 50 << 10};

class Parallel : public testing::TestWithParam<std::pair<std::string, int>> {
 protected:
  void run(const std::function<void(ProcessGroup&)>& body) { on_ranks(GetParam().first, GetParam().second, body); }
};
INSTANTIATE_TEST_SUITE_P(Backends, Parallel,
                         testing::Values(std::pair("threads", 2), std::pair("threads", 4), std::pair("gloo", 2)),
                         [](const auto& info) { return info.param.first + std::to_string(info.param.second); });

TEST_P(Parallel, GradientsAreThoseOfTheJoinedBatch) {
  run([](ProcessGroup& g) {
    const Batch all = batch_of(8 * g.size()), mine = all.part(g.rank(), g.size());
    // Other weights on each rank, until they are parallel.
    manual_seed(5 + static_cast<uint64_t>(g.rank()));
    Plain net;
    DistributedDataParallel parallel(net, g, kSmallBuckets);
    EXPECT_GE(parallel.buckets(), 4u);
    const auto whole = nn::clone(net);
    cross_entropy((*whole)(all.x), all.y).backward();
    const auto expected = gradients(*whole);
    for (int round = 0; round < 3; ++round) {
      net.zero_grad();
      cross_entropy(net(mine.x), mine.y).backward();
      EXPECT_LE(difference(gradients(net), expected), 1e-6 * largest(expected));
    }
    // Two halves, of which only the second is exchanged.
    net.zero_grad();
    const Batch first = mine.part(0, 2), second = mine.part(1, 2);
    {
      const DistributedDataParallel::NoSync alone(parallel);
      (cross_entropy(net(first.x), first.y) * 0.5).backward();
    }
    (cross_entropy(net(second.x), second.y) * 0.5).backward();
    EXPECT_LE(difference(gradients(net), expected), 1e-6 * largest(expected));
    EXPECT_EQ(parallel.stats().steps, 4);
  });
}

TEST_P(Parallel, CompressedGradientsAreNear) {
  run([](ProcessGroup& g) {
    const Batch all = batch_of(8 * g.size()), mine = all.part(g.rank(), g.size());
    for (const DType dtype : {bf16, f16}) {
      Plain net;
      DataParallelOptions o = kSmallBuckets;
      o.hook = compress_hook(dtype);
      DistributedDataParallel parallel(net, g, o);
      const auto whole = nn::clone(net);
      cross_entropy((*whole)(all.x), all.y).backward();
      cross_entropy(net(mine.x), mine.y).backward();
      const auto expected = gradients(*whole), got = gradients(net);
      // Each rank's part is rounded, and each sum: half of a last place of the largest.
      const double eps = dtype == bf16 ? 1.0 / 256 : 1.0 / 2048;
      EXPECT_LE(difference(got, expected), 2 * g.size() * eps * largest(expected));
      EXPECT_GT(difference(got, expected), 1e-6 * largest(expected)) << "nothing was compressed";
    }
    EXPECT_NE(error_of([] { compress_hook(f32); }).find("takes f16, bf16"), std::string::npos);
  });
}

// A layer that only the first rank uses, and one that nobody does.
struct Partly : nn::Module<Partly> {
  nn::Linear a{this, "a", 10, 10}, only_first{this, "only_first", 10, 10}, never{this, "never", 10, 10};
  bool first = false;
  Tensor forward(const Tensor& x) { return first ? only_first(a(x)) : a(x); }
};

TEST_P(Parallel, WhatIsNotUsedNeedsNoFlag) {
  run([](ProcessGroup& g) {
    for (const int64_t alone : {int64_t{1} << 20, int64_t{1}}) {
      Partly net, whole;
      net.first = g.rank() == 0;
      DistributedDataParallel parallel(net, g, {.alone_bytes = alone});
      whole.load_state_dict(net.state_dict());
      for (int i = 0; i < 2; ++i) {
        net.zero_grad();
        whole.zero_grad();
        net(ones({4, 10})).sum().backward();
        for (int r = 0; r < g.size(); ++r) {
          whole.first = r == 0;
          (whole(ones({4, 10})).sum() / g.size()).backward();
        }
        EXPECT_LE(difference(gradients(net), gradients(whole)), 1e-5);
        EXPECT_FALSE(net.never.weight.grad().defined());
        EXPECT_TRUE(net.only_first.weight.grad().defined());
      }
      // A gradient that was there before stays, with what others add.
      net.first = g.rank() == g.size() - 1;
      net(ones({4, 10})).sum().backward();
      EXPECT_TRUE(net.only_first.weight.grad().defined());
      EXPECT_FALSE(net.never.weight.grad().defined());
    }
  });
}

struct Counting : nn::Module<Counting> {
  nn::Linear fc{this, "fc", 4, 4};
  nn::BatchNorm1d norm{this, "norm", 4};
  Tensor forward(const Tensor& x) { return norm(fc(x)); }
};

TEST_P(Parallel, BuffersAreTheFirstRanks) {
  run([](ProcessGroup& g) {
    Counting net;
    net.norm.running_mean->fill_(g.rank() + 1.0);
    DistributedDataParallel parallel(net, g);
    EXPECT_EQ(net.norm.running_mean->to_vector<double>()[0], 1);
    Generator random(static_cast<uint64_t>(g.rank()));
    net(zeros({8, 4}).normal_(0, 1, &random)).sum().backward();
    const auto mean = net.norm.running_mean->clone();
    const Tensor all = g.all_gather(mean);
    EXPECT_FALSE(equal(all[0], all[1])) << "batches differ";
    // Running means are 0.9 of what was there and 0.1 of the batch's: what a forward begins with is the first rank's.
    const auto after = [&](const Tensor& before, const Tensor& x) { return before * 0.9 + net.fc(x).mean(0) * 0.1; };
    const auto expect_near = [](const Tensor& a, const Tensor& b, const char* what) {
      EXPECT_LE((a.detach() - b.detach()).abs().max().item<double>(), 1e-5) << what;
    };
    const Tensor x = zeros({8, 4}).normal_(0, 1, &random);
    net(x).sum().backward();
    expect_near(*net.norm.running_mean, after(all[0], x), "the first rank's");
    // Without an exchange, what a forward begins with is the rank's own.
    const Tensor own = net.norm.running_mean->clone();
    EXPECT_FALSE(equal(g.all_gather(own)[0], g.all_gather(own)[1]));
    {
      const DistributedDataParallel::NoSync alone(parallel);
      net(x);
    }
    expect_near(*net.norm.running_mean, after(own, x), "its own");
    // A second forward before backward writes to nothing that the first has saved.
    const Tensor before = net.norm.running_mean->clone();
    net(x);
    expect_near(*net.norm.running_mean, after(g.all_gather(before)[0], x), "the first rank's again");
    const Tensor once = net.norm.running_mean->clone();
    net(x).sum().backward();
    expect_near(*net.norm.running_mean, after(once, x), "once");
    net.eval();
    const auto variance = net.norm.running_var->clone();
    net(ones({8, 4}));
    EXPECT_TRUE(equal(*net.norm.running_var, variance));
  });
}

// A buffer that backward needs.
struct Scaled : nn::Module<Scaled> {
  nn::Linear fc{this, "fc", 4, 4};
  nn::Buffer scale{this, "scale", ones({4})};
  Tensor forward(const Tensor& x) { return fc(x) * scale; }
};

TEST_P(Parallel, TwoForwardsBeforeABackward) {
  run([](ProcessGroup& g) {
    Scaled net;
    DistributedDataParallel parallel(net, g);
    for (int i = 0; i < 2; ++i) {
      net.zero_grad();
      (net(ones({2, 4})).sum() + net(full({2, 4}, 2.0)).sum()).backward();
      EXPECT_NEAR(net.fc.weight.grad().to_vector<double>()[0], 2 + 4, 1e-5);
    }
  });
}

// y = x * w + p: the gradient of p is the one that reaches x * w too, so that several nodes hold it.
struct Sum : nn::Module<Sum> {
  nn::Parameter w{this, "w", ones({512, 256})}, p{this, "p", ones({512, 256})};
  Tensor forward(const Tensor& x) {
    Tensor h = x * w;
    // Time for the exchange of p's gradient, in which w's is computed.
    h.register_hook([](const Tensor&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return Tensor();
    });
    return h + p;
  }
};

TEST_P(Parallel, GradientsWithAGraph) {
  run([](ProcessGroup& g) {
    double of_w = 0, of_p = 0;
    for (int r = 0; r < g.size(); ++r) {
      of_w += (1.0 + r) * (2.0 + 3 * r) / g.size();
      of_p += (2.0 + 3 * r) / g.size();
    }
    // Each a bucket by itself, or both in one.
    for (const int64_t alone : {int64_t{1}, int64_t{1} << 30}) {
      Sum net;
      DistributedDataParallel parallel(net, g,
                                       {.bucket_bytes = 1 << 10, .first_bucket_bytes = 1 << 10, .alone_bytes = alone});
      for (const bool graph : {true, false}) {
        net.zero_grad();
        const Tensor y = net(full({512, 256}, 1.0 + g.rank())) * full({512, 256}, 2.0 + 3 * g.rank());
        y.sum().backward({.create_graph = graph});
        EXPECT_NEAR(net.w.grad().detach().mean().item<double>(), of_w, 1e-4) << alone << graph;
        EXPECT_NEAR(net.p.grad().detach().mean().item<double>(), of_p, 1e-4) << alone << graph;
        EXPECT_FALSE(net.w.grad().requires_grad());
        EXPECT_FALSE(net.p.grad().requires_grad());
      }
    }
  });
}

TEST_P(Parallel, AGradientThatIsKeptStays) {
  run([](ProcessGroup& g) {
    for (const int64_t alone : {int64_t{1}, int64_t{1} << 30}) {
      nn::Linear net(4, 3);
      DistributedDataParallel parallel(net, g, {.alone_bytes = alone});
      const auto backward = [&](double x) { net(full({2, 4}, x)).sum().backward(); };
      backward(1);
      const Tensor kept = net.weight.grad(), row = net.bias->grad()[0];
      net.zero_grad();
      backward(10);
      EXPECT_EQ(kept.to_vector<double>(), std::vector<double>(12, 2)) << alone;
      EXPECT_EQ(row.item<double>(), 2);
      EXPECT_EQ(net.weight.grad().to_vector<double>(), std::vector<double>(12, 20));
      // Nobody keeps this one: its memory is used again.
      const void* place = net.weight.grad().raw_data();
      net.zero_grad();
      backward(3);
      if (alone > 1) {
        EXPECT_EQ(net.weight.grad().raw_data(), place);
      }
      // One that grows is the same tensor, as in one process.
      const Tensor growing = net.weight.grad();
      backward(3);
      EXPECT_TRUE(growing.is(net.weight.grad()) || alone == 1);
      EXPECT_EQ(net.weight.grad().to_vector<double>(), std::vector<double>(12, 12));
    }
  });
}

// A weight that stands in two places, and parameters of several dtypes.
struct Mixed : nn::Module<Mixed> {
  nn::Parameter a{this, "a", ones({5})}, b{this, "b", ones({5}, {.dtype = bf16})},
      c{this, "c", ones({7}, {.dtype = f64})};
  nn::Linear first{this, "first", 5, 5};
  nn::Parameter again{this, "again", first.weight};
  Tensor forward(const Tensor& x) {
    const Tensor h = matmul(first(x), again).sum();
    return (a * x).sum() + (b.to(f32) * x).sum() + c.sum().to(f32) + h;
  }
};

TEST_P(Parallel, SeveralDTypesAndTiedWeights) {
  run([](ProcessGroup& g) {
    Mixed net;
    DistributedDataParallel parallel(net, g);
    const auto whole = nn::clone(net);
    double mean = 0;
    for (int r = 0; r < g.size(); ++r) {
      mean += (1.0 + r) / g.size();
      ((*whole)(full({5}, 1.0 + r)) / g.size()).backward();
    }
    net(full({5}, 1.0 + g.rank())).backward();
    EXPECT_NEAR(net.a.grad().mean().item<double>(), mean, 1e-6);
    EXPECT_EQ(net.b.grad().dtype(), bf16);
    EXPECT_NEAR(net.b.grad().to(f32).mean().item<double>(), mean, 1e-2);
    EXPECT_EQ(net.c.grad().to_vector<double>(), std::vector<double>(7, 1));
    EXPECT_TRUE(net.first.weight.grad().is(net.again.grad()));
    EXPECT_LE(difference({net.first.weight.grad()}, {whole->first.weight.grad()}), 1e-4);
  });
}

// Batch norm exchanges in the middle of backward, when only the ranks that use `head` have sent its gradient.
struct Normed : nn::Module<Normed> {
  nn::Linear fc{this, "fc", 4, 4};
  nn::BatchNorm1d norm{this, "norm", 4};
  nn::Linear head{this, "head", 4, 4};
  bool uses_head = true;
  Tensor forward(const Tensor& x) {
    const Tensor y = norm(fc(x));
    return uses_head ? head(y) : y;
  }
};

TEST_P(Parallel, BatchNormOverAllRanksBesideUnusedParameters) {
  run([](ProcessGroup& g) {
    Normed net;
    sync_batch_norm(net, g);
    DistributedDataParallel parallel(net, g, {.bucket_bytes = 64, .first_bucket_bytes = 64});
    net.uses_head = g.rank() == 0;
    Generator random(1);
    for (int i = 0; i < 3; ++i) {
      net.zero_grad();
      net(zeros({8, 4}).normal_(0, 1, &random)).square().sum().backward();
      const Tensor all = g.all_gather(net.fc.weight.grad());
      for (int r = 1; r < g.size(); ++r) EXPECT_TRUE(equal(all[0], all[r]));
      EXPECT_TRUE(net.head.weight.grad().defined());
    }
    EXPECT_NE(error_of([&] { Join join(parallel); }).find("sync_batch_norm"), std::string::npos);
  });
}

TEST_P(Parallel, UnevenDataTakesPartToTheEnd) {
  run([](ProcessGroup& g) {
    const int n = g.size();
    Plain net, whole;
    DistributedDataParallel parallel(net, g, kSmallBuckets);
    whole.load_state_dict(net.state_dict());
    optim::SGD optimizer(net.parameters(), {.lr = 0.1, .momentum = 0.9}),
        reference(whole.parameters(), {.lr = 0.1, .momentum = 0.9});
    const auto batch = [](int rank, int step) {
      return batch_of(4, 100 * static_cast<uint64_t>(rank) + static_cast<uint64_t>(step));
    };
    {
      Join join(parallel);
      for (int step = 0; step <= 2 * g.rank(); ++step) {
        join.step();
        optimizer.zero_grad();
        const Batch b = batch(g.rank(), step);
        net(b.x);  // a step may have several forwards
        cross_entropy(net(b.x), b.y).backward();
        optimizer.step();
      }
      join.finish([&] { optimizer.step(); });
    }
    // In one process: each step over the ranks that still have a batch.
    for (int step = 0; step <= 2 * (n - 1); ++step) {
      reference.zero_grad();
      int active = 0;
      for (int r = 0; r < n; ++r) active += step <= 2 * r;
      for (int r = 0; r < n; ++r) {
        if (step > 2 * r) continue;
        const Batch b = batch(r, step);
        (cross_entropy(whole(b.x), b.y) / active).backward();
      }
      reference.step();
    }
    const auto a = net.parameters(), b = whole.parameters();
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_LE((a[i].detach() - b[i].detach()).abs().max().item<double>(), 1e-5) << i;
  });
}

TEST_P(Parallel, DifferentModelsAreNamed) {
  run([](ProcessGroup& g) {
    nn::Linear net(4, g.rank() == 1 ? 5 : 3);
    const std::string e = error_of([&] { DistributedDataParallel parallel(net, g); });
    EXPECT_NE(e.find("rank 0 has weight f32 [3, 4]"), std::string::npos) << e;
    EXPECT_NE(e.find("rank 1 has weight f32 [5, 4]"), std::string::npos) << e;
    g.barrier();
  });
}

TEST_P(Parallel, ABackwardThatThrowsLeavesItUsable) {
  run([](ProcessGroup& g) {
    nn::Linear net(4, 3);
    DistributedDataParallel parallel(net, g);
    Tensor x = ones({2, 4});
    const Tensor y = net(x).sum();
    x.fill_(3);
    EXPECT_NE(error_of([&] { y.backward(); }), "no error");
    net.zero_grad();
    net(ones({2, 4}) * (g.rank() + 1)).sum().backward();
    EXPECT_NEAR(net.weight.grad().to_vector<double>()[0], 2 * (g.size() + 1) / 2.0, 1e-6);
  });
}

TEST(Buckets, ASmallModelHasSeveral) {
  on_ranks("threads", 2, [](ProcessGroup& g) {
    Plain net;
    const DistributedDataParallel parallel(net, g);
    EXPECT_EQ(parallel.buckets(), 3u);  // up to fc's weight, which has more than 32 KiB, then it, then the rest
  });
}

TEST(OneRank, HasNoHooks) {
  on_ranks("threads", 1, [](ProcessGroup& g) {
    nn::Linear net(4, 3);
    DistributedDataParallel parallel(net, g);
    EXPECT_EQ(parallel.buckets(), 0u);
    net(ones({2, 4})).sum().backward();
    EXPECT_EQ(parallel.stats().steps, 0);
    Join join(parallel);
    join.step();
    join.finish([] { FAIL(); });
  });
}

TEST_P(Parallel, BatchNormOverAllRanks) {
  run([](ProcessGroup& g) {
    const int n = g.size();
    // Ranks have 3, 4, 5, ... samples, far from 0 so that a careless variance loses its digits.
    Generator random(3);
    std::vector<int64_t> sizes;
    int64_t total = 0, begin = 0;
    for (int r = 0; r < n; ++r) {
      if (r == g.rank()) begin = total;
      sizes.push_back(3 + r);
      total += 3 + r;
    }
    const Tensor x = zeros({total, 5, 4, 3}).normal_(100, 2, &random),
                 w = zeros({total, 5, 4, 3}).normal_(0, 1, &random);
    nn::BatchNorm2d whole(5), mine(5);
    EXPECT_EQ(sync_batch_norm(mine, g), 1);
    nn::BatchNorm3d volumes(2);
    EXPECT_EQ(sync_batch_norm(volumes, g), 1);
    EXPECT_EQ(volumes.gathers(), n > 1);
    Tensor all = x.clone().requires_grad_();
    Tensor part = x.narrow(0, begin, sizes[static_cast<size_t>(g.rank())]).clone().requires_grad_();
    const Tensor expected = whole(all);
    (expected * w).sum().backward();
    const Tensor got = mine(part);
    const int64_t size = part.size(0);
    (got * w.narrow(0, begin, size)).sum().backward();
    const auto near = [](const Tensor& a, const Tensor& b, double by) {
      return (a.detach() - b.detach()).abs().max().item<double>() <= by;
    };
    EXPECT_TRUE(got.is_contiguous(MemoryFormat::kChannelsLast));
    EXPECT_TRUE(near(got, expected.narrow(0, begin, size), 2e-4));
    EXPECT_TRUE(near(part.grad(), all.grad().narrow(0, begin, size), 2e-4));
    Tensor gw = mine.weight->grad().clone(), gb = mine.bias->grad().clone();
    g.all_reduce(gw);
    g.all_reduce(gb);
    EXPECT_TRUE(near(gw, whole.weight->grad(), 2e-3));
    EXPECT_TRUE(near(gb, whole.bias->grad(), 1e-4));
    EXPECT_TRUE(near(*mine.running_mean, *whole.running_mean, 1e-5));
    EXPECT_TRUE(near(*mine.running_var, *whole.running_var, 1e-5));
    EXPECT_EQ(mine.num_batches_tracked->item<int64_t>(), 1);
    // In evaluation nobody is asked.
    if (g.rank() == 0) {
      mine.eval();
      mine(part);
    }
    // A rank without samples.
    mine.train();
    Tensor some = x.narrow(0, 0, g.rank() == 0 ? 0 : 2).clone().requires_grad_();
    mine(some).sum().backward();
    EXPECT_EQ(some.grad().numel(), some.numel());
  });
}

TEST_P(Parallel, NormOfGradientsThatAreSpread) {
  run([](ProcessGroup& g) {
    Tensor p = ones({2}).requires_grad_();
    p.set_grad(full({2}, g.rank() + 1.0));
    double squares = 0;
    for (int r = 1; r <= g.size(); ++r) squares += 2.0 * r * r;
    const std::vector<Tensor> ps = {p};
    EXPECT_NEAR(optim::grad_norm(ps, 2, reduce_norm(g)).item<double>(), std::sqrt(squares), 1e-5);
    EXPECT_NEAR(optim::grad_norm(ps, INFINITY, reduce_norm(g, INFINITY)).item<double>(), g.size(), 1e-6);
    optim::clip_grad_norm_(ps, 1, {.reduce = reduce_norm(g)});
    EXPECT_NEAR(optim::grad_norm(ps, 2, reduce_norm(g)).item<double>(), 1, 1e-5);
  });
}

// Ranks see each example once, with the positions of one process.
TEST_P(Parallel, LoadersShareAnEpoch) {
  run([](ProcessGroup& g) {
    const Tensor x = arange(37, {.dtype = f32});
    const auto dataset = std::make_shared<data::TensorDataset>(x, x);
    data::DataLoader loader(dataset, {.batch_size = 4, .shuffle = true, .seed = 3, .shard = {g.rank(), g.size()}});
    Tensor seen = zeros({37});
    for (auto& [a, b] : loader) {
      for (const int64_t i : a.to_vector<int64_t>()) seen[i] = 1.0;
    }
    g.all_reduce(seen);
    EXPECT_TRUE(equal(seen, ones({37})));
  });
}

}  // namespace
}  // namespace hearth::distributed
