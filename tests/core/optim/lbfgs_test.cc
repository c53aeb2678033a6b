// L-BFGS against PyTorch.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/optim/optim.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using optim::LBFGS, optim::LbfgsOptions;
using testing::error_of;

#include "tests/core/optim/lbfgs_golden.inc"

constexpr auto kWolfe = LbfgsOptions::LineSearch::kStrongWolfe;

// Rosenbrock's function of a vector and a number.
struct Problem {
  Tensor a = from_values(std::vector<double>{-1.2, 1.0, 0.5}, {3}).requires_grad_();
  Tensor b = full({}, 2.0, {.dtype = f64, .requires_grad = true});
  Tensor loss() const { return square(1 - a).sum() + square(b - square(a)).sum() * 20 + square(square(b - 1)); }
};

void check(const LbfgsOptions& options, const std::vector<double>& want) {
  Problem p;
  auto o = std::make_unique<LBFGS>(std::vector<Tensor>{p.a, p.b}, options);
  std::vector<double> got;
  for (int i = 0; i < 6; ++i) {
    if (i == 3) {  // goes on from its state
      const auto state = o->state_dict();
      o = std::make_unique<LBFGS>(std::vector<Tensor>{p.a, p.b}, options);
      o->load_state_dict(state);
    }
    const Tensor loss = o->step([&] {
      o->zero_grad();
      Tensor l = p.loss();
      l.backward();
      return l;
    });
    EXPECT_FALSE(loss.requires_grad());
    got.push_back(loss.item<double>());
    for (double v : p.a.detach().to_vector<double>()) got.push_back(v);
    got.push_back(p.b.detach().item<double>());
  }
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-7 * (1 + std::abs(want[i]))) << i;
}

TEST(Lbfgs, StepsAsPyTorch) { check({.lr = 0.1, .max_iter = 7}, kGoldenLbfgsPlain); }
TEST(Lbfgs, SearchesLinesAsPyTorch) { check({.max_iter = 6, .line_search = kWolfe}, kGoldenLbfgsWolfe); }
TEST(Lbfgs, ForgetsAsPyTorch) {
  check({.lr = 0.8, .max_iter = 4, .max_eval = 9, .history_size = 2, .line_search = kWolfe}, kGoldenLbfgsShortHistory);
}

TEST(Lbfgs, FindsTheMinimum) {
  Problem p;
  LBFGS o({p.a, p.b}, {.max_iter = 200, .line_search = kWolfe});
  o.step([&] {
    o.zero_grad();
    Tensor l = p.loss();
    l.backward();
    return l;
  });
  EXPECT_LT(p.a.grad().abs().max().item<double>(), 1e-4);
}

TEST(Lbfgs, SaysWhatIsWrong) {
  Problem p;
  EXPECT_EQ(
      error_of([&] { LBFGS o({p.a}, {.max_iter = 0}); }),
      "LBFGS: max_iter and history_size must be at least 1, and max_eval not negative, but they are 0, 100 and 0");
  LBFGS o({p.a, p.b});
  EXPECT_EQ(error_of([&] { o.step(); }),
            "LBFGS: a step needs a closure that computes the loss and its gradients: step(closure)");
  EXPECT_EQ(error_of([&] { o.load_state_dict({}); }), "LBFGS: the state has no \"numbers\" of f64 [5 or more]");
  auto state = o.state_dict();
  state["steps"] = zeros({2});
  EXPECT_EQ(error_of([&] { o.load_state_dict(state); }), "LBFGS: the state has an unexpected \"steps\"");
  // A closure that sets no gradients: there is nowhere to go.
  const Tensor loss = o.step([&] { return p.loss().detach(); });
  EXPECT_EQ(loss.item<double>(), p.loss().item<double>());
}

}  // namespace
}  // namespace hearth
