// Gradients of linear algebra that no golden file says: beside singular matrices and infinity, through operands that
// were overwritten, and in mixed precision.
#include <gtest/gtest.h>

#include <limits>

#include "core/autograd/autocast.h"
#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/linalg.h"
#include "core/ops/linalg_names.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::error_of;
using testing::noise;
using testing::same_bits;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
constexpr TensorOptions kWide{.dtype = f64};

double largest(const Tensor& x) { return abs(x).amax({}).item<double>(); }
Tensor diagonal_of(double first, double second) { return tensor({{first, 0.0}, {0.0, second}}, kWide); }

// det of 2 x 2 matrices is a d - b c: the gradient is linear, also where matrices stand beside singular ones.
TEST(LinalgGradients, SecondDerivativesOfTheDeterminantBesideSingularMatrices) {
  Tensor a = stack({eye(2, {}, kWide), ones({2, 2}, kWide), eye(2, {}, kWide) * 3}).requires_grad_();
  const Tensor first = grad(linalg::det(a).sum(), a, {}, {.create_graph = true}), w = noise({3, 2, 2}, f64);
  const Tensor second = grad(first, a, w);
  const auto at = [&](int64_t i, int64_t j) { return w.index({Slice(), i, j}); };
  const Tensor want = stack({stack({at(1, 1), -at(1, 0)}, -1), stack({-at(0, 1), at(0, 0)}, -1)}, -2);
  EXPECT_LT(largest(second - want), 1e-12);
}

// Products over matrices that stand in for others must be numbers, however large the matrices are.
TEST(LinalgGradients, SecondDerivativesOfTheDeterminantOfLargeMatrices) {
  const int64_t n = 40;
  const Tensor regular = eye(n) + noise({n, n}, f32) * 0.01;
  const auto second = [&](const Tensor& of) {
    Tensor a = of.clone().requires_grad_();
    const Tensor first = grad(square(linalg::det(a)).sum(), a, {}, {.create_graph = true});
    return grad(square(first).sum(), a)[0];
  };
  const Tensor alone = second(unsqueeze(regular, 0)), beside = second(stack({regular, ones({n, n})}));
  EXPECT_LT(largest(beside - alone), 1e-3 * largest(alone));
}

TEST(LinalgGradients, DeterminantsOfNanAndInfinity) {
  for (const Tensor& one : {full({1, 1}, kInf, kWide), diagonal_of(kInf, 1), diagonal_of(1, -kInf)}) {
    Tensor a = one.clone().requires_grad_();
    EXPECT_EQ(error_of([&] { linalg::det(a).backward(); }), testing::kNoError);
  }
  // The other singular matrix of a batch has its gradient all the same.
  for (const double v : {kNan, kInf}) {
    Tensor holds = zeros({2, 2}, kWide);
    holds.index({0, 1}) = v;
    Tensor a = stack({holds, ones({2, 2}, kWide)}).requires_grad_();
    linalg::det(a).sum().backward();
    EXPECT_LT(largest(a.grad()[1] - tensor({{1.0, -1.0}, {-1.0, 1.0}}, kWide)), 1e-14);
  }
}

// Of a million times the gradient the result is a million times that, with the same digits.
TEST(LinalgGradients, TheMatrixExponentialOfAnyGradient) {
  for (const DType t : {f64, c128}) {
    Tensor a = noise({2, 3, 3}, f64).to(t).requires_grad_();
    const Tensor w = noise({2, 3, 3}, f64, -1, 1, 2).to(t), e = linalg::matrix_exp(a);
    const BackwardOptions again{.retain_graph = true};
    const Tensor usual = grad(e, a, w, again);
    for (const double scale : {0x1p60, 0x1p-60})
      EXPECT_TRUE(same_bits(grad(e, a, w * scale, again), usual * scale)) << to_string(t) << " times " << scale;
    EXPECT_EQ(largest(grad(e, a, w * 0.0, again)), 0);
    // Each matrix is scaled by itself.
    EXPECT_TRUE(same_bits(grad(e, a, w * tensor({0x1p60, 1.0}, kWide).reshape({2, 1, 1}))[1], usual[1]));
  }
}

// Values alone keep the vectors for backward, and no operand.
TEST(LinalgGradients, OperandsOfSpectraMayBeOverwritten) {
  using Function = Tensor (*)(const Tensor&);
  const Function functions[] = {
      [](const Tensor& a) { return linalg::eigvalsh(a).sum(); },
      [](const Tensor& a) { return linalg::eigh(a).eigenvalues.sum(); },
      [](const Tensor& a) { return real(linalg::eigvals(a)).sum(); },
      [](const Tensor& a) { return real(linalg::eig(a).eigenvalues).sum(); },
      [](const Tensor& a) { return linalg::svdvals(a).sum(); },
      [](const Tensor& a) { return linalg::svd(a, false).s.sum(); },
  };
  for (const Function f : functions) {
    Tensor x = (noise({2, 3, 3}, f64) + eye(3, {}, kWide) * 9).requires_grad_();
    const Tensor want = grad(f(x), x);
    Tensor a = x * 1;
    const Tensor y = f(a);
    a.zero_();
    EXPECT_LT(largest(grad(y, x) - want), 1e-13);
  }
  // The sum of the eigenvalues is that of the diagonal.
  Tensor x = noise({2, 3, 3}, f64).requires_grad_();
  EXPECT_LT(largest(grad(linalg::eigvalsh(x).sum(), x) - eye(3, {}, kWide)), 1e-13);
  const NoGrad off;
  EXPECT_TRUE(linalg::svdvals(x).shape() == Shape({2, 3}));
  EXPECT_TRUE(linalg::eigvals(x).shape() == Shape({2, 3}));
}

TEST(LinalgGradients, LeastSquaresCutWhatForwardCuts) {
  const Tensor a = tensor({{1.0, 0.0}, {0.0, 1e-3}, {0.0, 0.0}}, kWide), ones31 = ones({3, 1}, kWide);
  const auto of_b = [&](const Tensor& m, double rcond, linalg::LstsqDriver driver) {
    Tensor b = ones31.clone().requires_grad_();
    return squeeze(grad(linalg::lstsq(m, b, rcond, driver).solution.sum(), b), -1);
  };
  using enum linalg::LstsqDriver;
  const Tensor all = tensor({1.0, 1e3, 0.0}, kWide), cut = tensor({1.0, 0.0, 0.0}, kWide);
  for (const auto driver : {kGelsy, kGelsd, kGelss}) {
    EXPECT_EQ(linalg::lstsq(a, ones31, 0.1, driver).rank.item<int64_t>(), 1);
    EXPECT_LT(largest(linalg::lstsq(a, ones31, 0.1, driver).solution - tensor({{1.0}, {0.0}}, kWide)), 1e-12);
    EXPECT_LT(largest(of_b(a, 0.1, driver) - cut), 1e-12);
    EXPECT_LT(largest(of_b(a, 1e-6, driver) - all), 1e-9);
  }
  // gels cuts nothing.
  EXPECT_LT(largest(linalg::lstsq(a, ones31, 0.1, kGels).solution - tensor({{1.0}, {1e3}}, kWide)), 1e-9);
  EXPECT_LT(largest(of_b(a, 0.1, kGels) - all), 1e-9);
  // Below 0 it is LAPACK's rounding unit: what rounding leaves of the second singular value is not inverted.
  const Tensor low = matmul(noise({3, 1}, f64), noise({1, 2}, f64, -2, 2, 2));
  for (const auto driver : {kGelsd, kGelss})
    EXPECT_LT(largest(of_b(low, -1, driver) - sum(linalg::pinv(low), {0})), 1e-12);
  EXPECT_EQ(error_of([&] { linalg::lstsq(a, ones31, kNan, kGelsd); }), "linalg.lstsq: rcond must not be NaN");
}

// Products in bf16 may be operands: what LAPACK computes is f32.
TEST(LinalgGradients, Autocast) {
  const Tensor x = noise({2, 3, 3}, f32), y = eye(3) * 4 + noise({3, 3}, f32, -1, 1, 2), b = noise({2, 3, 2}, f32);
  EXPECT_EQ(error_of([&] { linalg::inv(x.to(bf16)); }),
            "linalg.inv: dtype bf16 is not supported; it takes f32, f64, c64, c128");
  Tensor leaf = x.clone().requires_grad_();
  const auto positive = [](const Tensor& p) { return matmul(p, p.mT()) + eye(3); };
  Tensor loss;
  {
    const Autocast mixed(bf16);
    const Tensor p = matmul(leaf, y), wide = p.detach().to(f32);
    ASSERT_EQ(p.dtype(), bf16);
    EXPECT_TRUE(same_bits(linalg::inv(p), linalg::inv(wide)));
    EXPECT_TRUE(same_bits(linalg::det(p), linalg::det(wide)));
    EXPECT_TRUE(same_bits(linalg::solve(p, p), linalg::solve(wide, wide)));
    EXPECT_TRUE(same_bits(linalg::solve(p, b), linalg::solve(wide, b)));
    EXPECT_TRUE(same_bits(linalg::solve_triangular(p, b, true), linalg::solve_triangular(wide, b, true)));
    EXPECT_TRUE(same_bits(linalg::svdvals(p.detach()), linalg::svdvals(wide)));
    EXPECT_TRUE(same_bits(linalg::matrix_norm(p.detach(), 2), linalg::matrix_norm(wide, 2)));
    EXPECT_TRUE(same_bits(linalg::cond(p.detach(), 1), linalg::cond(wide, 1)));
    EXPECT_TRUE(same_bits(linalg::qr(p).r, linalg::qr(wide).r));
    EXPECT_TRUE(same_bits(linalg::matrix_exp(p), linalg::matrix_exp(wide)));
    EXPECT_TRUE(same_bits(linalg::pinv(p.detach()), linalg::pinv(wide)));
    EXPECT_TRUE(same_bits(linalg::lu_factor(p).lu, linalg::lu_factor(wide).lu));
    const Tensor h = positive(p).to(bf16);
    EXPECT_TRUE(same_bits(linalg::cholesky(h, true), linalg::cholesky(h.to(f32), true)));
    EXPECT_TRUE(equal(linalg::matrix_rank(p), linalg::matrix_rank(wide)));
    EXPECT_EQ(error_of([&] { linalg::solve(p, b.to(f64)); }),
              "linalg.solve: the matrices are bf16, but the right-hand side is f64");
    loss = linalg::inv(p).sum();
  }
  loss.backward();
  EXPECT_EQ(leaf.grad().dtype(), f32);
  Tensor exact = x.to(f64).requires_grad_();
  linalg::inv(matmul(exact, y.to(f64))).sum().backward();
  // Products and their gradients are of bf16, which has 8 bits.
  EXPECT_LT(largest(leaf.grad().to(f64) - exact.grad()), 0.1 * largest(exact.grad()));
}

TEST(LinalgGradients, ResidualsAreNotRoundedUnderAutocast) {
  const Tensor a = noise({2, 5, 2}, f32), b = noise({2, 5, 3}, f32, -2, 2, 2);
  const auto want = linalg::lstsq(a, b);
  const Autocast mixed(bf16);
  EXPECT_TRUE(same_bits(linalg::lstsq(a, b).residuals, want.residuals));
  EXPECT_EQ(linalg::lstsq(a.to(bf16), b.to(bf16)).residuals.dtype(), f32);
  EXPECT_EQ(linalg::lstsq(a.mT().to(bf16), b.slice(1, 0, 2).to(bf16)).residuals.dtype(), f32);
}

}  // namespace
}  // namespace hearth
