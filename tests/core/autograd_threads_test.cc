// Backward in several threads at once.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/autograd/backward.h"
#include "core/autograd/checkpoint.h"
#include "core/base/error.h"
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

constexpr int kThreads = 4, kRounds = 50;

template <class F>
void in_threads(F f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&f, i] { f(i); });
  for (auto& t : threads) t.join();
}

TEST(AutogradThreads, OwnGraphsSharedLeaf) {
  Tensor w = full({16, 16}, 0.5, {.dtype = f64, .requires_grad = true});
  in_threads([&](int i) {
    for (int r = 0; r < kRounds; ++r) {
      const Tensor x = full({4, 16}, static_cast<double>(i + 1), {.dtype = f64});
      matmul(x, w).sum().backward();
    }
  });
  // Each backward adds 4 (i + 1) to each element: 4 (1 + 2 + 3 + 4) kRounds.
  EXPECT_TRUE(w.grad().equal(full({16, 16}, 40.0 * kRounds, {.dtype = f64})));
}

TEST(AutogradThreads, OneRetainedGraph) {
  Tensor x = full({100}, 0.5, {.dtype = f64, .requires_grad = true});
  const Tensor y = (exp(x) * x).sum();
  y.backward({.retain_graph = true});
  const Tensor once = x.grad().clone();
  x.set_grad({});
  in_threads([&](int) {
    for (int r = 0; r < kRounds; ++r) y.backward({.retain_graph = true});
  });
  EXPECT_TRUE(x.grad().allclose(once * (kThreads * kRounds), 1e-12));
}

// The graph is freed by whoever comes first: the others get the gradient or the error, never freed memory.
TEST(AutogradThreads, RaceForAGraphThatIsFreed) {
  for (int r = 0; r < kRounds; ++r) {
    Tensor x = full({64}, 0.5, {.dtype = f64, .requires_grad = true});
    const Tensor y = (exp(sin(x) * x) * x).sum();
    std::atomic<int> done = 0, refused = 0;
    in_threads([&](int) {
      try {
        y.backward();
        ++done;
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("backward has run through this graph before"), std::string::npos);
        ++refused;
      }
    });
    EXPECT_EQ(done + refused, kThreads);
  }
}

TEST(AutogradThreads, CheckpointInARetainedGraph) {
  Tensor x = full({100}, 0.5, {.dtype = f64, .requires_grad = true});
  const Tensor y = checkpoint([](const Tensor& t) { return exp(sin(t)) * t; }, x).sum();
  in_threads([&](int) { y.backward({.retain_graph = true}); });
  Tensor z = full({100}, 0.5, {.dtype = f64, .requires_grad = true});
  (exp(sin(z)) * z).sum().backward();
  EXPECT_TRUE(x.grad().allclose(z.grad() * kThreads, 1e-12));
}

// What a function that runs again draws is what it drew, whatever the other threads take of the same generator.
TEST(AutogradThreads, CheckpointedDropout) {
  in_threads([](int) {
    for (int r = 0; r < kRounds; ++r) {
      Tensor x = full({100}, 1.0, {.dtype = f64, .requires_grad = true});
      const auto f = [](const Tensor& t) {
        Tensor y = dropout(t, 0.5) * t;
        y = checkpoint([](const Tensor& u) { return dropout(u, 0.3) * u; }, y);
        return y * rand({100}, {.dtype = f64});
      };
      const Tensor y = checkpoint(f, x);
      y.sum().backward();
      // x = 1 and every factor is a constant, so that y is homogeneous of degree 4 in x.
      EXPECT_TRUE(x.grad().allclose(y.detach() * 4, 1e-12, 0));
    }
  });
}

TEST(AutogradThreads, AThreadsOwnGenerator) {
  std::vector<std::vector<double>> drawn(kThreads);
  const GeneratorState before = default_generator().state();
  in_threads([&](int i) {
    Generator mine(7);
    const GeneratorGuard guard(mine);
    for (int r = 0; r < kRounds; ++r) {
      for (double v : rand({3}, {.dtype = f64}).to_vector<double>()) drawn[static_cast<size_t>(i)].push_back(v);
      (void)randperm(5);
    }
  });
  for (const auto& d : drawn) EXPECT_EQ(d, drawn[0]);
  EXPECT_EQ(default_generator().state(), before);
}

// Tensors made by one thread die in another.
TEST(AutogradThreads, GraphsChangeHands) {
  Tensor x = full({8}, 1.0, {.dtype = f64, .requires_grad = true});
  std::vector<Tensor> losses(kThreads);
  in_threads([&](int i) {
    Tensor y = x;
    for (int k = 0; k < 1000; ++k) y = y * 1.0;
    losses[static_cast<size_t>(i)] = y.sum();
  });
  in_threads([&](int i) {
    Tensor mine = std::move(losses[static_cast<size_t>((i + 1) % kThreads)]);
    mine.backward();
  });
  EXPECT_TRUE(x.grad().equal(full({8}, kThreads, {.dtype = f64})));
}

// Views whose base was written to afterwards are brought up to date by whoever looks first.
TEST(AutogradThreads, ViewsOfAWrittenBase) {
  for (int r = 0; r < kRounds; ++r) {
    const Tensor x = full({8}, 3.0, {.dtype = f64, .requires_grad = true});
    Tensor base = full({2, 8}, 1.0, {.dtype = f64});
    const Tensor view = select(base, 0, 1), other = slice(base, 1, 0, 4);
    base.mul_(x);
    std::vector<Tensor> results(kThreads);
    in_threads([&](int i) {
      const bool leaf = i % 2 ? view.is_leaf() : !view.requires_grad();
      EXPECT_FALSE(leaf);
      EXPECT_FALSE(view.retains_grad());
      EXPECT_THROW(view.grad(), Error);  // not a leaf
      EXPECT_STREQ(other.grad_fn_name(), "as_strided");
      results[static_cast<size_t>(i)] = (view * view).sum();
    });
    for (const Tensor& y : results) y.backward({.retain_graph = true});
    EXPECT_TRUE(x.grad().equal(full({8}, 6.0 * kThreads, {.dtype = f64})));
    // One history: a gradient by the view is found.
    EXPECT_TRUE(grad({&results[0], 1}, {&view, 1})[0].equal(full({8}, 6.0, {.dtype = f64})));
  }
}

}  // namespace
}  // namespace hearth
