// What linear algebra answers to bad input, matrices that are large enough for several cores, half precision, and what
// no golden file says.
#include "core/ops/linalg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd/backward.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/integrals.h"
#include "core/ops/join.h"
#include "core/ops/linalg_names.h"
#include "core/ops/matmul.h"
#include "core/ops/products.h"
#include "core/ops/random.h"
#include "core/ops/rearrange.h"
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

#define EXPECT_SAYS(call, ...) EXPECT_EQ(error_of([&] { call; }), __VA_ARGS__)

Tensor adjoint(const Tensor& x) { return conj(x.mT()); }
Tensor positive(const Tensor& x) {
  return matmul(x, adjoint(x)) + eye(x.size(-1), {}, {.dtype = real_type(x.dtype())});
}
double largest(const Tensor& x) { return abs(x).amax({}).item<double>(); }

// Three matrices, the second of which has a row of zeros.
Tensor one_singular() {
  Tensor a = noise({3, 2, 2}, f64);
  a.index({1, 1}) = 0;
  return a;
}

TEST(Linalg, SingularMatricesAreNamed) {
  const Tensor a = one_singular(), b = ones({3, 2, 1}, {.dtype = f64});
  EXPECT_SAYS(linalg::inv(a), "linalg.inv: matrix 1 of the batch is singular: U(2,2) is zero");
  EXPECT_SAYS(linalg::inv(a[1]), "linalg.inv: the matrix is singular: U(2,2) is zero");
  EXPECT_SAYS(linalg::solve(a, b), "linalg.solve: matrix 1 of the batch is singular: U(2,2) is zero");
  EXPECT_SAYS(linalg::lu_factor(a), "linalg.lu_factor: matrix 1 of the batch is singular: U(2,2) is zero");
  EXPECT_SAYS(inverse(zeros({1, 1})), "inverse: the matrix is singular: U(1,1) is zero");
  EXPECT_SAYS(linalg::matrix_power(zeros({2, 2}), -1), "linalg.matrix_power: the matrix is singular: U(1,1) is zero");
  const auto [inverse, info] = linalg::inv_ex(a);
  EXPECT_TRUE(equal(info, tensor({0, 2, 0}, {.dtype = i32})));
  EXPECT_LT(largest(matmul(inverse[0], a[0]) - eye(2, {}, {.dtype = f64})), 1e-12);
  EXPECT_TRUE(equal(linalg::solve_ex(a, b).info, info));
  EXPECT_TRUE(equal(linalg::lu_factor_ex(a).info, info));
  // Factors that exist all the same.
  const auto d = linalg::lu(a);
  EXPECT_LT(largest(matmul(d.p, matmul(d.l, d.u)) - a), 1e-12);
  EXPECT_EQ(linalg::det(a)[1].item<double>(), 0);
  EXPECT_EQ(linalg::slogdet(a).logabsdet[1].item<double>(), -kInf);
  EXPECT_EQ(linalg::slogdet(a).sign[1].item<double>(), 0);
  EXPECT_EQ(linalg::cond(a, 1)[1].item<double>(), kInf);
  EXPECT_LT(largest(linalg::pinv(a)[1] - linalg::pinv(a[1])), 1e-12);
}

TEST(Linalg, MatricesThatAreNotPositiveDefiniteAreNamed) {
  Tensor a = positive(noise({3, 3, 3}, f64));
  a.index({2, 1, 1}) = -1;
  EXPECT_SAYS(linalg::cholesky(a),
              "linalg.cholesky: matrix 2 of the batch is not positive definite: its leading minor "
              "of order 2 is not");
  EXPECT_TRUE(equal(linalg::cholesky_ex(a).info, tensor({0, 0, 2}, {.dtype = i32})));
  EXPECT_SAYS(linalg::cholesky(full({1, 1}, kNan)),
              "linalg.cholesky: the matrix is not positive definite: its leading "
              "minor of order 1 is not");
  // Of large ones, which are factored in panels, the order counts from the start.
  Tensor large = eye(500, {}, {.dtype = f64});
  large.index({450, 450}) = 0;
  EXPECT_EQ(linalg::cholesky_ex(large).info.item<int>(), 451);
  EXPECT_EQ(linalg::lu_factor_ex(large).info.item<int>(), 451);
}

TEST(Linalg, LeastSquaresOfNoColumns) {
  using linalg::LstsqDriver;
  const Tensor a = noise({2, 3, 2}, f64), b = zeros({2, 3, 0}, {.dtype = f64});
  for (const LstsqDriver driver : {LstsqDriver::kGelsy, LstsqDriver::kGels, LstsqDriver::kGelsd, LstsqDriver::kGelss}) {
    const auto found = linalg::lstsq(a, b, {}, driver);
    EXPECT_EQ(found.solution.shape(), (Shape{2, 2, 0}));
    EXPECT_EQ(found.rank.to_vector<int64_t>(), (std::vector<int64_t>{2, 2}));
  }
}

TEST(Linalg, NanAndInfinity) {
  Tensor a = noise({2, 3, 3}, f64);
  a.index({1, 2, 0}) = kNan;
  const char* const says = ": matrix 1 of the batch holds NaN or infinity";
  EXPECT_SAYS(linalg::svd(a), concat("linalg.svd", says));
  EXPECT_SAYS(linalg::svdvals(a), concat("linalg.svdvals", says));
  EXPECT_SAYS(linalg::eigh(a), concat("linalg.eigh", says));
  EXPECT_SAYS(linalg::eig(a), concat("linalg.eig", says));
  EXPECT_SAYS(linalg::pinv(a), concat("linalg.pinv", says));
  EXPECT_SAYS(linalg::lstsq(a, a), concat("linalg.lstsq", says));
  EXPECT_SAYS(linalg::matrix_rank(full({2, 2}, kInf)), "linalg.matrix_rank: the matrix holds NaN or infinity");
  // What is not read may be anything.
  EXPECT_EQ(error_of([&] { linalg::eigh(a, true); }), testing::kNoError);
  EXPECT_TRUE(all(isnan(linalg::matrix_exp(a)[1])).item<bool>());
  EXPECT_FALSE(any(isnan(linalg::matrix_exp(a)[0])).item<bool>());
  EXPECT_TRUE(isnan(linalg::det(a)[1]).item<bool>());
  EXPECT_TRUE(isnan(linalg::slogdet(a).logabsdet[1]).item<bool>());
}

TEST(Linalg, ShapesAndDtypesThatDoNotFit) {
  const Tensor a = noise({2, 3, 3}, f64);
  EXPECT_SAYS(linalg::inv(noise({2, 3}, f64)), "linalg.inv: the matrices must be square, but the shape is [2, 3]");
  EXPECT_SAYS(linalg::det(noise({3}, f64)),
              "linalg.det: expected matrices, of at least 2 dimensions, but the shape is [3]");
  EXPECT_SAYS(linalg::svd(tensor(1.0)), "linalg.svd: expected matrices, of at least 2 dimensions, but the shape is []");
  EXPECT_SAYS(linalg::eigh(Tensor()), "linalg.eigh: operand 0 is an undefined tensor");
  EXPECT_SAYS(linalg::solve(a, noise({4, 2}, f64)),
              "linalg.solve: a right-hand side of shape [4, 2] does not fit matrices of shape [2, 3, 3]");
  EXPECT_SAYS(
      linalg::solve(a, noise({5, 3, 2}, f64)),
      "linalg.solve: shapes [2] and [5] do not broadcast: sizes 2 and 5 differ in dimension 0 and neither is 1");
  EXPECT_SAYS(linalg::solve(a, noise({2, 3}, f64), false),
              "linalg.solve: with left = false the right-hand side must be matrices, but has the shape [2, 3]");
  EXPECT_SAYS(linalg::solve(a, noise({3}, f32)), "linalg.solve: the matrices are f64, but the right-hand side is f32");
  EXPECT_SAYS(linalg::solve(noise({3, 3}, f16), noise({3}, f16)),
              "linalg.solve: dtype f16 is not supported; it takes f32, f64, c64, c128");
  EXPECT_SAYS(linalg::cholesky(noise({3, 3}, bf16)),
              "linalg.cholesky: dtype bf16 is not supported; it takes f32, f64, c64, c128");
  EXPECT_SAYS(linalg::eigvals(noise({3, 3}, i64)),
              "linalg.eigvals: dtype i64 is not supported; it takes f32, f64, c64, c128");
  EXPECT_SAYS(linalg::matrix_norm(a, 3),
              "linalg.matrix_norm: there is no matrix norm 3; there are 1, -1, 2, -2, "
              "infinity and -infinity");
  EXPECT_SAYS(linalg::matrix_norm(a, 1, {1, -2}), "linalg.matrix_norm: dimension 1 is named twice");
  EXPECT_SAYS(linalg::matrix_norm(zeros({0, 2}), -2),
              "linalg.matrix_norm: there is no smallest of nothing: the matrices have 0 rows and 2 columns");
  EXPECT_SAYS(linalg::matrix_norm(zeros({3, 0, 2}), -kInf),
              "linalg.matrix_norm: there is no smallest of nothing: the matrices have 0 rows and 2 columns");
  EXPECT_SAYS(linalg::multi_dot({a[0]}), "linalg.multi_dot: expected at least two tensors, but got 1");
  EXPECT_SAYS(linalg::multi_dot({a[0], noise({2, 2}, f64)}),
              "linalg.multi_dot: tensors 0 and 1 of shapes [3, 3] and [2, 2] do not fit");
  EXPECT_SAYS(linalg::cross(zeros({2}), zeros({2})),
              "linalg.cross: vectors must have 3 places along dimension 0, but the shapes are [2] and [2]");
  EXPECT_SAYS(linalg::vander(zeros({2}), -1), "linalg.vander: n must not be negative, but is -1");
  const auto f = linalg::lu_factor(a);
  EXPECT_SAYS(linalg::lu_solve(f.lu, f.pivots[0], a),
              "linalg.lu_solve: pivots of shape [3] do not fit factors of shape [2, 3, 3]");
  EXPECT_SAYS(linalg::lu_solve(f.lu, f.pivots * 5, a), "linalg.lu_solve: pivot 15 is not a row from 1 to 3");
  Tensor needs = noise({3, 2}, f64).requires_grad_();
  EXPECT_SAYS(linalg::qr(needs, linalg::QrMode::kComplete).q.sum().backward(),
              "linalg.qr: the complete mode has no gradient for matrices with more rows (3) than columns (2)");
  EXPECT_SAYS(linalg::qr(needs, linalg::QrMode::kR).r.sum().backward(),
              "linalg.qr: the mode that gives R alone has no gradient");
  EXPECT_SAYS(linalg::lstsq(tensor({{1.0, 0.0}, {2.0, 0.0}, {3.0, 0.0}}), ones({3, 1}), {}, linalg::LstsqDriver::kGels),
              "linalg.lstsq: the matrix does not have full rank, which the driver gels needs: element 2 of the "
              "diagonal of its triangular factor is zero");
}

// As it was given, not as LAPACK takes it.
TEST(Linalg, RightHandSidesAreNamedAsTheyWereGiven) {
  const Tensor a = noise({3, 3}, f64), b = noise({2, 4}, f64), batch = noise({2, 3, 3}, f64);
  const auto says = [](const char* op, const char* side, const char* matrices) {
    return concat(op, ": a right-hand side of shape ", side, " does not fit matrices of shape ", matrices);
  };
  EXPECT_SAYS(linalg::solve(a, b, false), says("linalg.solve", "[2, 4]", "[3, 3]"));
  EXPECT_SAYS(linalg::solve(a, b), says("linalg.solve", "[2, 4]", "[3, 3]"));
  EXPECT_SAYS(linalg::solve(a, noise({4}, f64)), says("linalg.solve", "[4]", "[3, 3]"));
  EXPECT_SAYS(linalg::solve_triangular(a, b, true, {.left = false}),
              says("linalg.solve_triangular", "[2, 4]", "[3, 3]"));
  EXPECT_SAYS(linalg::solve_triangular(a, noise({3}, f64), true),
              "linalg.solve_triangular: expected a right-hand side of at least 2 dimensions, but the shape is [3]");
  const auto f = linalg::lu_factor(a);
  EXPECT_SAYS(linalg::lu_solve(f.lu, f.pivots, b, {.left = false}), says("linalg.lu_solve", "[2, 4]", "[3, 3]"));
  EXPECT_SAYS(linalg::lstsq(batch, noise({2, 4}, f64)), says("linalg.lstsq", "[2, 4]", "[2, 3, 3]"));
  // NaN in it is not one of the matrix.
  Tensor nan = noise({2, 3, 2}, f64);
  nan.index({1, 0, 0}) = kNan;
  for (const auto driver : {linalg::LstsqDriver::kGelsy, linalg::LstsqDriver::kGels, linalg::LstsqDriver::kGelsd}) {
    EXPECT_SAYS(linalg::lstsq(batch, nan, {}, driver),
                "linalg.lstsq: the right-hand side of matrix 1 of the batch holds NaN or infinity");
    EXPECT_SAYS(linalg::lstsq(batch[0], nan[1], {}, driver),
                "linalg.lstsq: the right-hand side of the matrix holds NaN or infinity");
  }
}

TEST(Linalg, LogarithmsOfDeterminants) {
  const double log2 = std::log(2.0), pi = std::acos(-1.0);
  EXPECT_NEAR(logdet(tensor({{2.0, 5.0}, {0.0, 1.0}}, {.dtype = f64})).item<double>(), log2, 1e-15);
  EXPECT_TRUE(isnan(logdet(tensor({{0.0, 1.0}, {2.0, 0.0}}))).item<bool>());
  EXPECT_EQ(logdet(zeros({2, 2})).item<float>(), -kInf);
  // Of complex numbers a negative determinant has one.
  const Tensor c = logdet(tensor({{0.0, 1.0}, {2.0, 0.0}}, {.dtype = f64}).to(c128));
  EXPECT_NEAR(real(c).item<double>(), log2, 1e-15);
  EXPECT_NEAR(std::abs(imag(c).item<double>()), pi, 1e-15);
  for (const double v : {kInf, -kInf}) {
    const auto d = linalg::slogdet(tensor({{v, 0.0}, {0.0, 1.0}}, {.dtype = f64}));
    EXPECT_EQ(d.sign.item<double>(), v > 0 ? 1 : -1);
    EXPECT_EQ(d.logabsdet.item<double>(), kInf);
  }
}

TEST(Linalg, PowersOfIntegersAreI64) {
  const Tensor want = tensor({{1, 100, 10000, 1000000}, {1, 3, 9, 27}}, {.dtype = i64});
  for (const DType t : {i8, u8, i16, i32, i64}) {
    const Tensor x = tensor({100, 3}, {.dtype = t});
    EXPECT_TRUE(same_bits(linalg::vander(x, 4), want)) << to_string(t);
    EXPECT_TRUE(same_bits(vander(x, 4, true), want)) << to_string(t);
    EXPECT_TRUE(same_bits(vander(x, 4).contiguous(), flip(want, {-1}))) << to_string(t);
    EXPECT_EQ(linalg::vander(x, 0).dtype(), i64);
  }
  EXPECT_EQ(linalg::vander(ones({2}, {.dtype = f16})).dtype(), f16);
}

TEST(Linalg, NormsOfHalves) {
  for (const DType t : {f16, bf16}) {
    const Tensor x = tensor({{3.0, -4.0}, {0.0, 12.0}}, {.dtype = t});
    const auto is = [&](const Tensor& y, double v) { return y.dtype() == t && y.item<double>() == v; };
    EXPECT_TRUE(is(linalg::norm(x), 13));
    EXPECT_TRUE(is(linalg::vector_norm(x, 1), 19));
    EXPECT_TRUE(is(linalg::matrix_norm(x), 13));
    EXPECT_TRUE(is(linalg::matrix_norm(x, 1), 16));
    EXPECT_TRUE(is(linalg::matrix_norm(x, kInf), 12));
    EXPECT_TRUE(is(linalg::matrix_norm(x, -kInf), 7));
    EXPECT_SAYS(linalg::matrix_norm(x, 2),
                concat("linalg.matrix_norm: dtype ", t, " is not supported; it takes f32, f64, c64, c128"));
  }
}

TEST(Linalg, CrossProductsByEitherName) {
  for (const DType t : {i32, f16, f32, c64}) {
    const Tensor p = noise({2, 3}, real_type(t), -5, 5), q = noise({2, 3}, real_type(t), -5, 5, 2);
    const Tensor x = is_complex(t) ? complex(p, q) : p, y = is_complex(t) ? complex(q * 2, p) : q;
    const Tensor z = linalg::cross(x, y);
    EXPECT_EQ(z.dtype(), t);
    EXPECT_TRUE(same_bits(z, cross(x, y, -1)));
    const auto at = [](const Tensor& v, int64_t i) { return select(v, -1, i); };
    if (t == c64) {
      EXPECT_LT(largest(at(z, 0) - (at(x, 1) * at(y, 2) - at(x, 2) * at(y, 1))), 1e-4);
    }
  }
}

// Each large matrix takes another way than the small ones: through panels, on several cores.
class LargeMatrices : public ::testing::TestWithParam<DType> {};

TEST_P(LargeMatrices, FactorsAndSolutions) {
  const DType t = GetParam();
  manual_seed(3);
  const bool wide = real_type(t) == f64;
  const double close = wide ? 1e-10 : 1e-2;
  const auto random = [&](const Shape& shape) {
    const TensorOptions o{.dtype = real_type(t)};
    return is_complex(t) ? complex(randn(shape, o), randn(shape, o)) : randn(shape, o);
  };
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{500, 500}, {700, 450}, {450, 700}}) {
    const Tensor a = random({m, n});
    const auto d = linalg::lu(a);
    EXPECT_LT(largest(matmul(d.p, matmul(d.l, d.u)) - a), close);
    const auto q = linalg::qr(a);
    EXPECT_LT(largest(matmul(q.q, q.r) - a), close);
  }
  const int64_t n = 450;
  const Tensor a = random({n, n}) + eye(n, {}, {.dtype = real_type(t)}) * 60, b = random({n, 300});
  EXPECT_LT(largest(matmul(a, linalg::solve(a, b)) - b), close);
  const Tensor h = positive(a) / 1000, l = linalg::cholesky(h);
  EXPECT_LT(largest(matmul(l, adjoint(l)) - h), close);
  EXPECT_EQ(largest(triu(l, 1)), 0);
  EXPECT_LT(largest(matmul(triu(a), linalg::solve_triangular(a, b, true)) - b), close);
  EXPECT_LT(largest(matmul(tril(a).mT(), linalg::solve_triangular(a.mT(), b, true)) - b), close);
  const Tensor small = random({420, 420}) * 0.05, e = linalg::matrix_exp(small);
  EXPECT_LT(largest(matmul(e, linalg::matrix_exp(-small)) - eye(420, {}, {.dtype = real_type(t)})), close);
}

TEST_P(LargeMatrices, TheSameBitsForAnyNumberOfThreads) {
  const DType t = GetParam();
  manual_seed(4);
  const Tensor a = randn({2, 460, 460}, {.dtype = real_type(t)}).to(t), b = a[1];
  const auto results = [&](int width) {
    const ThreadWidth threads(width);
    const Tensor p = positive(b);
    return std::vector<Tensor>{linalg::lu_factor(a).lu,      linalg::inv(b),
                               linalg::cholesky(p),          linalg::solve_triangular(p, a, false),
                               linalg::matrix_exp(b / 20.0), linalg::qr(b).r};
  };
  const auto one = results(1);
  for (const int width : {2, 4}) {
    const auto more = results(width);
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(same_bits(one[i], more[i])) << "result " << i << " with " << width << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LargeMatrices, ::testing::Values(f32, f64, c64, c128),
                         [](const auto& p) { return to_string(p.param); });

TEST(Linalg, Spectra) {
  // Of a known spectrum, too large for the smallest problems of LAPACK's divide and conquer.
  manual_seed(5);
  const int64_t n = 130;
  const Tensor q = linalg::qr(randn({n, n}, {.dtype = f64})).q, w = arange(n, {.dtype = f64}) - 40.0;
  const Tensor a = matmul(q * w, q.mT());
  const auto e = linalg::eigh(a);
  EXPECT_LT(largest(e.eigenvalues - w), 1e-10);
  EXPECT_LT(largest(matmul(e.eigenvectors * e.eigenvalues, e.eigenvectors.mT()) - a), 1e-10);
  EXPECT_LT(largest(matmul(e.eigenvectors.mT(), e.eigenvectors) - eye(n, {}, {.dtype = f64})), 1e-12);
  const Tensor s = linalg::svdvals(a);
  EXPECT_TRUE(all(s.slice(0, 0, n - 1) >= s.slice(0, 1, n)).item<bool>());
  EXPECT_NEAR(s[0].item<double>(), 89, 1e-10);
  const auto d = linalg::svd(randn({2, 90, 40}, {.dtype = f64}));
  EXPECT_TRUE(d.u.shape() == Shape({2, 90, 90}) && d.vh.shape() == Shape({2, 40, 40}));
  EXPECT_LT(largest(matmul(d.u.mT(), d.u) - eye(90, {}, {.dtype = f64})), 1e-12);
  // A rotation has complex eigenvalues.
  const auto r = linalg::eig(tensor({{0.0, -1.0}, {1.0, 0.0}}, {.dtype = f64}));
  EXPECT_LT(largest(abs_square(r.eigenvalues) - 1), 1e-14);
  EXPECT_LT(largest(real(r.eigenvalues)), 1e-14);
}

TEST(Linalg, RanksOfMatricesThatLackSome) {
  const Tensor a = matmul(noise({5, 2}, f64, -2, 2, 1), noise({2, 4}, f64, -2, 2, 2));
  EXPECT_EQ(linalg::matrix_rank(a).item<int64_t>(), 2);
  EXPECT_EQ(linalg::lstsq(a, a).rank.item<int64_t>(), 2);
  const Tensor p = linalg::pinv(a);
  EXPECT_LT(largest(matmul(a, matmul(p, a)) - a), 1e-12);
  EXPECT_LT(largest(matmul(p, matmul(a, p)) - p), 1e-12);
  // The least solution.
  const Tensor b = noise({5, 1}, f64, -2, 2, 3);
  EXPECT_LT(largest(linalg::lstsq(a, b).solution - matmul(p, b)), 1e-12);
  EXPECT_LT(largest(linalg::lstsq(a, b, {}, linalg::LstsqDriver::kGelsd).solution - matmul(p, b)), 1e-12);
  EXPECT_EQ(linalg::matrix_rank(zeros({3, 0, 2}))[1].item<int64_t>(), 0);
  EXPECT_EQ(linalg::matrix_rank(zeros({2, 2})).item<int64_t>(), 0);
}

TEST(Linalg, SizesOfNothing) {
  EXPECT_EQ(linalg::det(zeros({0, 0})).item<float>(), 1);
  EXPECT_EQ(linalg::slogdet(zeros({0, 0})).logabsdet.item<float>(), 0);
  EXPECT_TRUE(linalg::inv(zeros({2, 0, 0})).shape() == Shape({2, 0, 0}));
  EXPECT_TRUE(linalg::cholesky(zeros({0, 3, 3})).shape() == Shape({0, 3, 3}));
  EXPECT_TRUE(linalg::solve(zeros({0, 3, 3}), zeros({3, 2})).shape() == Shape({0, 3, 2}));
  EXPECT_TRUE(equal(linalg::qr(zeros({3, 0}), linalg::QrMode::kComplete).q, eye(3)));
  const auto d = linalg::svd(zeros({2, 0, 3}));
  EXPECT_TRUE(d.u.shape() == Shape({2, 0, 0}) && d.s.shape() == Shape({2, 0}));
  EXPECT_TRUE(equal(d.vh[1], eye(3)));
  EXPECT_TRUE(linalg::eig(zeros({0, 0})).eigenvalues.shape() == Shape({0}));
  EXPECT_TRUE(equal(linalg::lstsq(zeros({0, 2}), zeros({0, 3})).solution, zeros({2, 3})));
  EXPECT_TRUE(linalg::lu(zeros({3, 0})).p.shape() == Shape({3, 3}));
  EXPECT_TRUE(equal(linalg::lu(zeros({3, 0})).p, eye(3)));
  EXPECT_EQ(linalg::matrix_norm(zeros({0, 0}), linalg::MatrixNorm::kNuc).item<float>(), 0);
  // The greatest of nothing is 0.
  for (const double ord : {1.0, 2.0, kInf}) {
    for (const Shape& shape : {Shape{3, 0, 2}, {3, 2, 0}, {3, 0, 0}}) {
      EXPECT_TRUE(same_bits(linalg::matrix_norm(zeros(shape), ord), zeros({3}))) << ord << " of " << to_string(shape);
      EXPECT_TRUE(linalg::matrix_norm(zeros(shape), ord, {-2, -1}, true).shape() == Shape({3, 1, 1}));
    }
  }
  EXPECT_TRUE(same_bits(linalg::matrix_norm(zeros({0, 2}), -1), zeros(Shape{})));
  for (const double p : {1.0, -1.0, 2.0, -2.0, kInf})
    EXPECT_TRUE(same_bits(linalg::cond(zeros({3, 0, 0}, {.dtype = c64}), p), zeros({3})));
  EXPECT_TRUE(same_bits(linalg::cond(zeros({3, 0, 2})), zeros({3})));
  EXPECT_TRUE(same_bits(linalg::cond(zeros({0, 0}), linalg::MatrixNorm::kFro), zeros(Shape{})));
  Tensor exponent = zeros({2, 0, 0}).requires_grad_();
  linalg::matrix_exp(exponent).sum().backward();
  EXPECT_TRUE(exponent.grad().shape() == Shape({2, 0, 0}));
  EXPECT_TRUE(linalg::matrix_power(zeros({0, 0}), 3).shape() == Shape({0, 0}));
  Tensor a = zeros({2, 0, 0}).requires_grad_();
  linalg::det(a).sum().backward();
  EXPECT_TRUE(a.grad().shape() == Shape({2, 0, 0}));
  EXPECT_EQ(trapezoid(ones({1})).item<float>(), 0);
  EXPECT_TRUE(cumulative_trapezoid(ones({2, 0})).shape() == Shape({2, 0}));
}

// The determinant is a polynomial: its gradient is that of the cofactors, whatever the rank.
TEST(Linalg, GradientOfTheDeterminantOfSingularMatrices) {
  Tensor a = tensor({{{1.0, 2.0}, {2.0, 4.0}}, {{0.0, 0.0}, {0.0, 0.0}}, {{1.0, 2.0}, {3.0, 4.0}}}, {.dtype = f64});
  a.requires_grad_();
  linalg::det(a).sum().backward();
  const Tensor want =
      tensor({{{4.0, -2.0}, {-2.0, 1.0}}, {{0.0, 0.0}, {0.0, 0.0}}, {{4.0, -3.0}, {-2.0, 1.0}}}, {.dtype = f64});
  EXPECT_LT(largest(a.grad() - want), 1e-13);
}

TEST(Linalg, TrianglesThatAreNotReadMayHoldAnything) {
  const Tensor a = positive(noise({3, 3}, f64)), ones_below = tril(ones({3, 3}, {.dtype = f64}));
  const Tensor lower = where(ones_below > 0, a, Scalar(kNan));
  EXPECT_TRUE(same_bits(linalg::cholesky(lower), linalg::cholesky(a)));
  EXPECT_TRUE(same_bits(linalg::cholesky(lower.mT(), true), linalg::cholesky(a, true)));
  EXPECT_TRUE(same_bits(linalg::eigvalsh(lower), linalg::eigvalsh(a)));
  const Tensor b = noise({3, 2}, f64);
  EXPECT_TRUE(same_bits(linalg::solve_triangular(lower, b, false), linalg::solve_triangular(a, b, false)));
}

TEST(Linalg, MatrixPowersOfOtherDtypes) {
  const Tensor a = tensor({{1, 1}, {1, 0}});
  EXPECT_TRUE(equal(linalg::matrix_power(a, 10), tensor({{89, 55}, {55, 34}})));
  EXPECT_EQ(linalg::matrix_power(a.to(f16), 3).dtype(), f16);
  EXPECT_SAYS(linalg::matrix_power(a, -1), concat("linalg.matrix_power: linalg.inv: dtype ", a.dtype(),
                                                  " is not supported; it takes f32, f64, c64, c128"));
}

}  // namespace
}  // namespace hearth
