#include "distributed/parallel/zero.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/hearth.h"
#include "tests/distributed/backends.h"

namespace hearth::distributed {
namespace {

struct Net : nn::Module<Net> {
  nn::Linear a{this, "a", 7, 5}, b{this, "b", 5, 1};
  Tensor forward(const Tensor& x) { return b(relu(a(x))); }
};

using Maker = std::function<std::unique_ptr<optim::Optimizer>(const optim::Parameters&)>;

std::vector<std::pair<std::string, Maker>> makers() {
  return {
      {"SGD",
       [](const auto& p) { return std::make_unique<optim::SGD>(p, optim::SGDOptions{.lr = 0.1, .momentum = 0.9}); }},
      {"Adam",
       [](const auto& p) { return std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 0.01, .amsgrad = true}); }},
      {"AdamW", [](const auto& p) { return std::make_unique<optim::AdamW>(p, optim::AdamWOptions{.lr = 0.01}); }},
      {"RMSprop",
       [](const auto& p) {
         return std::make_unique<optim::RMSprop>(p, optim::RMSpropOptions{.lr = 0.01, .momentum = 0.5});
       }},
  };
}

void steps(Net& net, optim::Optimizer& o, int from, int to) {
  for (int i = from; i < to; ++i) {
    Generator random(static_cast<uint64_t>(i));
    o.zero_grad();
    net(zeros({6, 7}).normal_(0, 1, &random)).square().mean().backward();
    o.step();
  }
}

class Zero : public testing::TestWithParam<std::pair<std::string, int>> {};
INSTANTIATE_TEST_SUITE_P(Backends, Zero,
                         testing::Values(std::pair("threads", 1), std::pair("threads", 2), std::pair("threads", 3),
                                         std::pair("gloo", 2)),
                         [](const auto& info) { return info.param.first + std::to_string(info.param.second); });

TEST_P(Zero, IsTheOptimizerItselfBitForBit) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    for (const auto& [name, make] : makers()) {
      for (const bool named : {false, true}) {
        Net net, other;
        other.load_state_dict(net.state_dict());
        const auto parameters = [&](Net& n) {
          return named ? optim::Parameters(n.named_parameters()) : optim::Parameters(n.parameters());
        };
        ZeroOptimizer zero(*make(parameters(net)), g);
        const auto plain = make(parameters(other));
        steps(net, zero, 0, 3);
        steps(other, *plain, 0, 3);
        zero.set_lr(0.005);
        plain->set_lr(0.005);
        EXPECT_EQ(zero.lr(), 0.005);
        steps(net, zero, 3, 5);
        steps(other, *plain, 3, 5);
        const auto a = net.parameters(), b = other.parameters();
        for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(equal(a[i].detach(), b[i].detach())) << name << i;
        // The whole state is the optimizer's; a rank has its share.
        const auto whole = zero.state_dict(), expected = plain->state_dict();
        ASSERT_EQ(whole.size(), expected.size()) << name;
        for (const auto& [key, t] : expected) {
          ASSERT_TRUE(whole.contains(key)) << key;
          EXPECT_TRUE(equal(whole.at(key), t)) << name << " " << key;
        }
        int64_t mine = 0, all = 0;
        for (const auto& [key, s] : zero.shards()) mine += s.values.numel();
        for (const auto& [key, t] : expected) all += t.numel();
        if (g.size() > 1) {
          EXPECT_LT(mine, all) << name;
        }
      }
    }
  });
}

// A parameter with the name of what the options of groups stand under, one below it, and one without elements.
struct Named : nn::Module<Named> {
  nn::Parameter group{this, "group", ones({7})}, other{this, "other", ones({3})}, none{this, "none", zeros({0, 4})};
  Tensor forward(const Tensor& x) { return (x * group).sum() + other.square().sum() + none.sum(); }
};

TEST_P(Zero, RanksThatBeganApartAreTold) {
  const int ranks = GetParam().second;
  on_ranks(GetParam().first, ranks, [&](ProcessGroup& g) {
    Net net;
    if (g.rank() == ranks - 1) net.b.weight.detach().mul_(1.5);
    ZeroOptimizer zero(optim::SGD(net.named_parameters(), {.lr = 0.1}), g);
    const std::string error = error_of([&] { steps(net, zero, 0, 1); });
    if (ranks == 1) EXPECT_EQ(error, "no error");
    else EXPECT_NE(error.find("\"b.weight\" of rank " + std::to_string(ranks - 1)), std::string::npos) << error;
  });
}

TEST_P(Zero, RefusesWhatLooksAtWholeParameters) {
  on_ranks(GetParam().first, GetParam().second, [&](ProcessGroup& g) {
    Net net;
    EXPECT_NE(error_of([&] { ZeroOptimizer z(optim::Muon({net.a.weight}), g); }).find("one by one"), std::string::npos);
  });
}

TEST_P(Zero, RanksWithOtherParametersAreTold) {
  const int ranks = GetParam().second;
  if (ranks == 1) GTEST_SKIP() << "one rank has nobody to differ from";
  on_ranks(GetParam().first, ranks, [&](ProcessGroup& g) {
    Net net;
    optim::Parameters::Named more{"c", zeros({2}, {.requires_grad = true})};
    auto named = net.named_parameters();
    if (g.rank() == ranks - 1) named.push_back(more);
    ZeroOptimizer zero(optim::SGD(named, {.lr = 0.1}), g);
    EXPECT_EQ(error_of([&] { steps(net, zero, 0, 1); }),
              "ZeroOptimizer: rank 0 has 4 parameters, rank " + std::to_string(ranks - 1) + " has 5");
  });
}

TEST_P(Zero, StateIsTheOptimizersWhateverTheNames) {
  on_ranks(GetParam().first, GetParam().second, [](ProcessGroup& g) {
    Named net, other;
    ZeroOptimizer zero(optim::AdamW(net.named_parameters()), g);
    optim::AdamW plain(other.named_parameters());
    const auto step = [](Named& n, optim::Optimizer& o) {
      o.zero_grad();
      n(arange(7, {.dtype = f32})).backward();
      o.step();
    };
    step(net, zero);
    step(other, plain);
    const auto whole = zero.state_dict(), expected = plain.state_dict();
    EXPECT_TRUE(expected.contains("group.exp_avg"));
    EXPECT_TRUE(expected.contains("group.0"));
    ASSERT_EQ(whole.size(), expected.size());
    for (const auto& [key, t] : expected) {
      ASSERT_TRUE(whole.contains(key)) << key;
      EXPECT_TRUE(equal(whole.at(key), t)) << key;
    }
    zero.load_state_dict(expected);
    step(net, zero);
    step(other, plain);
    EXPECT_TRUE(equal(net.group.detach(), other.group.detach()));
    // What ranks write to a checkpoint is the whole.
    for (const auto& [key, part] : zero.shards())
      EXPECT_EQ(to_string(part.shape), to_string(expected.at(key).shape())) << key;
  });
}

TEST_P(Zero, GoesOnFromTheStateOfAnyNumberOfRanks) {
  // Of one process.
  Net first;
  manual_seed(11);
  optim::AdamW plain(first.named_parameters(), {.lr = 0.01});
  steps(first, plain, 0, 4);
  nn::StateDict weights;
  for (const auto& [name, t] : first.state_dict()) weights[name] = t.clone();
  optim::Optimizer::StateDict state;
  for (const auto& [name, t] : plain.state_dict()) state[name] = t.clone();
  steps(first, plain, 4, 7);
  on_ranks(GetParam().first, GetParam().second, [&](ProcessGroup& g) {
    Net net;
    net.load_state_dict(weights);
    ZeroOptimizer zero(optim::AdamW(net.named_parameters(), {.lr = 0.5}), g);
    zero.load_state_dict(state);
    steps(net, zero, 4, 7);
    const auto a = net.parameters(), b = first.parameters();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(equal(a[i].detach(), b[i].detach())) << i;
    auto wrong = state;
    wrong["a.weight.exp_avg"] = zeros({3});
    EXPECT_NE(error_of([&] { zero.load_state_dict(wrong); }).find("a.weight.exp_avg"), std::string::npos);
  });
}

}  // namespace
}  // namespace hearth::distributed
