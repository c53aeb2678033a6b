#include "core/autograd/checkpoint.h"
#include "core/testing/error_of.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/device/allocator.h"
#include "core/op/interposer.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

using V = std::vector<double>;
V values(const Tensor& t) { return t.to_vector<double>(); }
Tensor leaf(std::initializer_list<detail::Nested> v) { return tensor(v, {.dtype = f64, .requires_grad = true}); }

using testing::error_of;

// Gradients of x and w, and of their own sum, with the function checkpointed or not.
struct Results {
  V y, x, w, second;
};
template <class F>
Results results(bool kept_whole, F f) {
  Tensor x = leaf({0.5, -1.0, 2.0}), w = leaf({1.5, 0.25, -0.75});
  const auto with_w = [&w, f](const Tensor& t) { return f(t, w); };
  const Tensor in = x * 1;
  const Tensor y = (kept_whole ? with_w(in) : checkpoint(with_w, in)).sum();
  const Tensor leaves[] = {x, w};
  const auto g = grad({&y, 1}, leaves, {}, {.create_graph = true});
  const Tensor s = (g[0] * g[0]).sum() + (g[1] * g[0]).sum();
  s.backward();
  V second = values(x.grad());
  for (double v : values(w.grad())) second.push_back(v);
  return {values(y), values(g[0]), values(g[1]), second};
}

TEST(Checkpoint, SameGradientsOfEveryOrder) {
  const auto f = [](const Tensor& x, const Tensor& w) { return exp(sin(x * w) * x) + tanh(w); };
  const Results want = results(true, f), got = results(false, f);
  EXPECT_EQ(got.y, want.y);
  EXPECT_EQ(got.x, want.x);
  EXPECT_EQ(got.w, want.w);
  EXPECT_EQ(got.second, want.second);
}

TEST(Checkpoint, Nested) {
  const auto part = [](const Tensor& x) { return exp(sin(x)) * x; };
  const auto f = [part](const Tensor& x, const Tensor& w) {
    return checkpoint([part](const Tensor& t) { return part(checkpoint(part, t)); }, x * w);
  };
  const auto plain = [part](const Tensor& x, const Tensor& w) { return part(part(x * w)); };
  const Results want = results(true, plain), got = results(false, f);
  EXPECT_EQ(got.x, want.x);
  EXPECT_EQ(got.w, want.w);
  EXPECT_EQ(got.second, want.second);
}

TEST(Checkpoint, KeepsOnlyTheInputs) {
  const int64_t n = 1 << 18;
  const auto f = [](Tensor x) {
    for (int i = 0; i < 8; ++i) x = sin(x);
    return x;
  };
  Tensor x = ones({n}, {.requires_grad = true});
  const auto in_use = [] { return static_cast<int64_t>(memory::stats().in_use); };
  const int64_t before = in_use();
  const Tensor plain = f(x);
  const int64_t plain_bytes = in_use() - before;
  const int64_t between = in_use();
  const Tensor y = checkpoint(f, x);
  EXPECT_GE(plain_bytes, 8 * n * 4);
  EXPECT_LE(in_use() - between, 2 * n * 4);
  plain.sum().backward();
  const Tensor want = x.grad();
  x.set_grad({});
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(want));
  // What was computed anew is gone with the graph.
  EXPECT_LE(in_use() - between, 3 * n * 4);
}

TEST(Checkpoint, TheSameRandomNumbersAgain) {
  manual_seed(5);
  Tensor x = ones({1000}, {.requires_grad = true});
  const Tensor y = checkpoint([](const Tensor& t) { return dropout(t, 0.5) * t; }, x);
  const GeneratorState state = default_generator().state();
  y.sum().backward();
  // d/dx of mask x^2 is 2 mask x, and y = mask.
  EXPECT_TRUE(x.grad().equal(y.detach() * 2));
  EXPECT_EQ(default_generator().state(), state);
}

TEST(Checkpoint, SeveralResultsAndOtherArguments) {
  Tensor x = leaf({2.0});
  const auto [a, b] = checkpoint(
      [](const Tensor& t, double by, const Tensor& none) {
        EXPECT_FALSE(none.defined());
        return std::pair(t * t * by, exp(t));
      },
      x, 3.0, Tensor());
  a.backward();
  EXPECT_EQ(values(x.grad()), (V{12}));
  b.backward();
  EXPECT_DOUBLE_EQ(x.grad().item<double>(), 12 + std::exp(2.0));
}

TEST(Checkpoint, RunsOnceWithoutGradients) {
  int runs = 0;
  Tensor x = leaf({2.0});
  const auto f = [&runs](const Tensor& t) {
    ++runs;
    return t * t;
  };
  {
    NoGrad off;
    EXPECT_FALSE(checkpoint(f, x).requires_grad());
  }
  EXPECT_EQ(runs, 1);
  const Tensor y = checkpoint(f, x);
  EXPECT_EQ(runs, 2);
  y.backward({.retain_graph = true});
  EXPECT_EQ(runs, 3);
  y.backward();
  EXPECT_EQ(runs, 3);  // retained
  EXPECT_EQ(values(x.grad()), (V{8}));
  EXPECT_EQ(error_of([&] { y.backward(); }).substr(0, 28), "mul: backward has run throug");
}

TEST(Checkpoint, MistakesAreNamed) {
  Tensor x = leaf({2.0}), w = leaf({3.0});
  Tensor in = x * 1;
  Tensor y = checkpoint([](const Tensor& t) { return exp(t) * t; }, in);
  in.add_(1);
  EXPECT_EQ(error_of([&] { y.backward(); }),
            "checkpoint: an input was changed by an in-place operation: dtype f64, shape [1], at version 1; expected "
            "version 0");
  y = checkpoint([&w](const Tensor& t) { return t * w; }, x * 1);
  {
    NoGrad off;
    w.mul_(2);
  }
  EXPECT_EQ(
      error_of([&] { y.backward(); }),
      "checkpoint: a tensor that the function uses was changed by an in-place operation: dtype f64, shape [1], at "
      "version 1; expected version 0");
  int calls = 0;
  y = checkpoint(
      [&calls](const Tensor& t) {
        Tensor r = t * t;
        if (++calls > 1) r = r * t;
        return r;
      },
      x);
  EXPECT_EQ(error_of([&] { y.backward(); }),
            "checkpoint: the function did something else when it ran again: it kept 4 tensors for its gradient, the "
            "first time 2");
}

TEST(Checkpoint, Sequential) {
  using F = std::function<Tensor(const Tensor&)>;
  const std::vector<F> parts = {[](const Tensor& t) { return sin(t); }, [](const Tensor& t) { return exp(t); },
                                [](const Tensor& t) { return t * t; }, [](const Tensor& t) { return tanh(t); },
                                [](const Tensor& t) { return t + 1; }};
  Tensor x = leaf({0.3, -0.2});
  Tensor y = x;
  for (const F& f : parts) y = f(y);
  y.sum().backward();
  const V want = values(x.grad());
  for (int segments : {1, 2, 5}) {
    x.set_grad({});
    const Tensor z = checkpoint_sequential(parts, segments, x);
    EXPECT_TRUE(z.equal(y));
    z.sum().backward();
    EXPECT_EQ(values(x.grad()), want);
  }
  EXPECT_EQ(error_of([&] { checkpoint_sequential(parts, 6, x); }), "checkpoint_sequential: 6 segments of 5 functions");
}

// Calls of ops by name, while it lives.
class Counts final : public Interposer {
 public:
  void intercept(OpCall& c) override {
    ++of[c.op.name];
    c.proceed();
  }
  std::map<std::string, int> of;
};

CheckpointPolicyFunction only(std::string_view name) {
  return [name](std::string_view op) { return op == name ? CheckpointPolicy::kSave : CheckpointPolicy::kRecompute; };
}
CheckpointPolicy everything(std::string_view) { return CheckpointPolicy::kSave; }

TEST(SelectiveCheckpoint, WhatIsKeptDoesNotRunAgain) {
  const auto f = [](const Tensor& x) { return sin(exp(x)) * exp(x * 2); };
  Tensor x = leaf({0.5, -1.0});
  f(x).sum().backward();
  const V want = values(x.grad());
  x.set_grad({});
  const Tensor y = selective_checkpoint(only("exp"), f, x);
  Counts counts;
  {
    const InterposerGuard on(counts);
    y.sum().backward();
  }
  EXPECT_EQ(values(x.grad()), want);
  EXPECT_EQ(counts.of["exp"], 0);
  EXPECT_EQ(counts.of["sin"], 1);
}

TEST(SelectiveCheckpoint, SameGradientsOfEveryOrder) {
  const auto f = [](const Tensor& x, const Tensor& w) { return exp(sin(x * w) * x) + tanh(w); };
  const Results want = results(true, f);
  for (const CheckpointPolicyFunction& policy :
       {only("exp"), only("sin"), only("mul"), only("no such op"), CheckpointPolicyFunction(everything)}) {
    Tensor x = leaf({0.5, -1.0, 2.0}), w = leaf({1.5, 0.25, -0.75});
    const Tensor y = selective_checkpoint(
                         policy, [&](const Tensor& t) { return f(t, w); }, x * 1)
                         .sum();
    const Tensor leaves[] = {x, w};
    const auto g = grad({&y, 1}, leaves, {}, {.create_graph = true});
    ((g[0] * g[0]).sum() + (g[1] * g[0]).sum()).backward();
    V second = values(x.grad());
    for (double v : values(w.grad())) second.push_back(v);
    EXPECT_EQ(values(y), want.y);
    EXPECT_EQ(values(g[0]), want.x);
    EXPECT_EQ(values(g[1]), want.w);
    EXPECT_EQ(second, want.second);
  }
}

TEST(SelectiveCheckpoint, NestedAndWithRandomNumbers) {
  // The inner function's input comes from the outer one, which runs again for it.
  const auto part = [](const Tensor& x) { return exp(sin(x)) * x; };
  const auto outer = [&](const Tensor& x) { return part(selective_checkpoint(everything, part, sin(x))); };
  Tensor x = leaf({0.5, -1.0});
  part(part(sin(x))).sum().backward();
  const V want = values(x.grad());
  for (const bool both : {false, true}) {
    x.set_grad({});
    const Tensor y = both ? selective_checkpoint(everything, outer, x) : checkpoint(outer, x);
    y.sum().backward();
    EXPECT_EQ(values(x.grad()), want);
  }
  Tensor t = ones({1000}, {.requires_grad = true});
  const Tensor y = selective_checkpoint(
      everything, [](const Tensor& in) { return dropout(in, 0.5) * in; }, t);
  y.sum().backward();
  EXPECT_TRUE(t.grad().equal(y.detach() * 2));
}

TEST(SelectiveCheckpoint, Autocast) {
  const Tensor x = randn({3, 4});
  Tensor w = randn({4, 2}).requires_grad_();
  const auto f = [&](const Tensor& t) { return exp(matmul(t, w)) * 2; };
  Tensor want;
  for (const bool inside : {true, false}) {
    for (const bool whole : {true, false}) {
      w.set_grad({});
      Tensor y;
      {
        const Autocast mixed(bf16);
        y = whole ? f(x) : selective_checkpoint(everything, f, x);
        EXPECT_EQ(y.dtype(), bf16);
        if (inside) y.sum().backward();
      }
      if (!inside) y.sum().backward();
      if (!want.defined()) want = w.grad().clone();
      EXPECT_TRUE(w.grad().equal(want));
    }
  }
}

TEST(SelectiveCheckpoint, MistakesAreNamed) {
  const Tensor x = leaf({2.0});
  const Tensor y = selective_checkpoint(
      only("exp"),
      [](const Tensor& t) {
        Tensor e = exp(t * 1);
        const Tensor kept = e * t;
        e.detach().add_(1);
        return kept;
      },
      x);
  EXPECT_EQ(error_of([&] { y.backward(); }),
            "checkpoint: what exp had given was changed by an in-place operation: dtype f64, shape [1], at version 1; "
            "expected version 0");
  int calls = 0;
  const Tensor z = selective_checkpoint(
      everything, [&](const Tensor& t) { return ++calls > 1 ? exp(t) : sin(t); }, x);
  EXPECT_EQ(error_of([&] { z.backward(); }),
            "checkpoint: the function did something else when it ran again: it ran exp where the first time it did "
            "not");
  calls = 0;
  const Tensor other = selective_checkpoint(
      everything,
      [&](const Tensor& t) {
        return exp(++calls > 1 ? t.view({1, 1}) : t);
      },
      x);
  EXPECT_EQ(error_of([&] { other.backward(); }),
            "checkpoint: the function did something else when it ran again: exp got operands of other shapes");
  EXPECT_EQ(error_of([&] {
              selective_checkpoint(
                  nullptr, [](const Tensor& t) { return t; }, x);
            }),
            "selective_checkpoint: the policy is empty");
}

// Long chains of checkpoints are freed without recursion.
TEST(Checkpoint, LongChains) {
  Tensor x = leaf({1.0});
  Tensor y = x;
  for (int i = 0; i < 50000; ++i) y = checkpoint([](const Tensor& t) { return sin(t); }, y);
  const Tensor copy = y;
  y = Tensor();
  copy.backward();
  EXPECT_GT(x.grad().item<double>(), 0);
}

}  // namespace
}  // namespace hearth
