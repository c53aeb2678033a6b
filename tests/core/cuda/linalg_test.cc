// Linear algebra on GPUs: in every dtype and layout the factors give the matrices again and results are the CPU's; what
// is wrong with values is told when the host waits.
#include "core/ops/linalg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd/backward.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_graph.h"
#include "core/op/attrs/linalg.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/matmul.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "core/testing/tensors.h"

namespace hearth {
namespace {

using testing::error_of;
using testing::noise;

constexpr DType kTypes[] = {f32, f64, c64, c128};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

// Shapes of matrices, some of them without elements or of a batch of none.
const std::vector<Shape> kAny = {{1, 1},    {3, 3},    {2, 3, 3}, {4, 2},    {2, 4},   {2, 3, 5, 2},
                                 {2, 2, 5}, {0, 3, 2}, {2, 0, 3}, {2, 3, 0}, {3, 0, 0}};
const std::vector<Shape> kSquare = {{1, 1}, {4, 4}, {2, 3, 3}, {2, 2, 5, 5}, {0, 3, 3}, {2, 0, 0}};

double largest(const Tensor& x) { return x.numel() == 0 ? 0 : abs(x).amax({}).item<double>(); }
Tensor adjoint(const Tensor& x) { return conj(x.mT()); }
double unit(DType t) { return real_type(t) == f64 ? 1e-12 : 2e-5; }

// A tensor on the GPU that lies as the CPU's other layouts do: transposed, with gaps, broadcast.
Tensor transposed_on_gpu(const Tensor& x) { return x.mT().contiguous().to(kCuda).mT(); }
Tensor with_gaps_on_gpu(const Tensor& x) {
  Shape wide = x.shape();
  wide[x.dim() - 1] = 2 * wide[x.dim() - 1] + 1;
  const Tensor all = zeros(wide, {.dtype = x.dtype(), .device = kCuda});
  Tensor part = slice(all, -1, 1, wide[x.dim() - 1], 2);
  part.copy_(x.to(kCuda));
  return part;
}
// f(x on the GPU, text) in all of these layouts.
template <class F>
void for_layouts(const Tensor& x, F f) {
  {
    SCOPED_TRACE("row-major");
    f(x.to(kCuda));
  }
  {
    SCOPED_TRACE("column-major");
    f(transposed_on_gpu(x));
  }
  {
    SCOPED_TRACE("with gaps");
    f(with_gaps_on_gpu(x));
  }
}
void expect_near(const Tensor& got, const Tensor& want, double tolerance) {
  const Tensor g = got.cpu();
  ASSERT_EQ(g.shape(), want.shape());
  ASSERT_EQ(g.dtype(), want.dtype());
  if (want.numel() == 0) return;
  EXPECT_TRUE(equal(isfinite(abs(g)), isfinite(abs(want))));
  EXPECT_LE(largest(g - want), tolerance * (1 + largest(want)));
}

class CudaLinalg : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::device_count() == 0) GTEST_SKIP() << "there is no CUDA device";
  }
  void TearDown() override {
    if (cuda::device_count() > 0) synchronize(kCuda);
  }
  // f(matrices on the CPU) for all dtypes and shapes.
  template <class F>
  void for_matrices(const std::vector<Shape>& shapes, F f) {
    for (const DType t : kTypes) {
      for (const Shape& shape : shapes) {
        SCOPED_TRACE(concat(t, " ", shape));
        f(noise(shape, t));
      }
    }
  }
};

Tensor regular(const Tensor& x) {
  return x + (eye(x.size(-1), {}, {.dtype = real_type(x.dtype())}) * 4.0).to(x.dtype());
}
Tensor positive(const Tensor& x) { return regular(matmul(x, adjoint(x))); }
// Right-hand sides for matrices.
Tensor side_for(const Tensor& a, int64_t columns) {
  Shape shape = a.shape();
  shape[a.dim() - 1] = columns;
  return noise(shape, a.dtype(), -1, 1, 7);
}

TEST_F(CudaLinalg, Cholesky) {
  for_matrices(kSquare, [](const Tensor& x) {
    const Tensor a = positive(x), want = linalg::cholesky(a);
    for_layouts(a, [&](const Tensor& g) {
      const auto [l, info] = linalg::cholesky_ex(g);
      expect_near(l, want, unit(a.dtype()));
      EXPECT_TRUE(equal(info.cpu(), linalg::cholesky_ex(a).info));
    });
  });
}

TEST_F(CudaLinalg, Lu) {
  for_matrices(kAny, [](const Tensor& a) {
    const auto want = linalg::lu_factor_ex(a);
    for_layouts(a, [&](const Tensor& g) {
      const auto got = linalg::lu_factor_ex(g);
      expect_near(got.lu, want.lu, unit(a.dtype()));
      EXPECT_TRUE(equal(got.pivots.cpu(), want.pivots));
      EXPECT_TRUE(equal(got.info.cpu(), want.info));
    });
  });
}

TEST_F(CudaLinalg, Solve) {
  for_matrices(kSquare, [](const Tensor& x) {
    const Tensor a = regular(x);
    for (const int64_t columns : {0, 1, 3}) {
      const Tensor b = side_for(a, columns), want = linalg::solve(a, b);
      for_layouts(a, [&](const Tensor& ga) {
        expect_near(linalg::solve(ga, b.to(kCuda)), want, unit(a.dtype()));
        if (columns > 0) expect_near(linalg::solve(ga, transposed_on_gpu(b)), want, unit(a.dtype()));
      });
    }
    expect_near(linalg::solve(a.to(kCuda), side_for(a.mT(), 3).to(kCuda).mT(), false),
                linalg::solve(a, side_for(a.mT(), 3).mT(), false), unit(a.dtype()));
  });
}

TEST_F(CudaLinalg, SolveTriangular) {
  for_matrices(kSquare, [](const Tensor& x) {
    const Tensor a = regular(x), b = side_for(a, 3);
    for (const bool upper : {false, true}) {
      for (const bool unitriangular : {false, true}) {
        const linalg::TriangularOptions o{.unitriangular = unitriangular};
        const Tensor want = linalg::solve_triangular(a, b, upper, o);
        for_layouts(a, [&](const Tensor& g) {
          expect_near(linalg::solve_triangular(g, b.to(kCuda), upper, o), want, unit(a.dtype()));
        });
      }
    }
  });
  // One matrix for a batch of right-hand sides, of the other side.
  const Tensor a = regular(noise({3, 3}, f64)), b = noise({4, 2, 3}, f64, -1, 1, 5);
  expect_near(linalg::solve_triangular(a.to(kCuda), b.to(kCuda), true, {.left = false}),
              linalg::solve_triangular(a, b, true, {.left = false}), 1e-12);
}

TEST_F(CudaLinalg, Determinants) {
  for_matrices(kSquare, [](const Tensor& a) {
    for_layouts(a, [&](const Tensor& g) {
      expect_near(linalg::det(g), linalg::det(a), unit(a.dtype()));
      const auto got = linalg::slogdet(g), want = linalg::slogdet(a);
      expect_near(got.sign, want.sign, unit(a.dtype()));
      expect_near(got.logabsdet, want.logabsdet, unit(a.dtype()));
    });
  });
  const Tensor zero = zeros({2, 2}, {.dtype = f64, .device = kCuda});
  EXPECT_EQ(linalg::det(zero).item<double>(), 0);
  EXPECT_EQ(linalg::slogdet(zero).sign.item<double>(), 0);
  EXPECT_EQ(linalg::slogdet(zero).logabsdet.item<double>(), -kInf);
}

TEST_F(CudaLinalg, Qr) {
  for_matrices(kAny, [](const Tensor& a) {
    for (const auto mode : {linalg::QrMode::kReduced, linalg::QrMode::kComplete, linalg::QrMode::kR}) {
      const auto want = linalg::qr(a, mode);
      for_layouts(a, [&](const Tensor& g) {
        const auto got = linalg::qr(g, mode);
        const Tensor q = got.q.cpu(), r = got.r.cpu();
        ASSERT_EQ(q.shape(), want.q.shape());
        ASSERT_EQ(r.shape(), want.r.shape());
        EXPECT_EQ(largest(tril(r, -1)), 0);
        if (mode == linalg::QrMode::kR)
          return expect_near(matmul(adjoint(r), r), matmul(adjoint(a), a), unit(a.dtype()));
        expect_near(matmul(q, r), a, unit(a.dtype()));
        expect_near(matmul(adjoint(q), q), matmul(adjoint(want.q), want.q), unit(a.dtype()));
      });
    }
  });
}

TEST_F(CudaLinalg, Svd) {
  for_matrices(kAny, [](const Tensor& a) {
    const int64_t k = std::min(a.size(-1), a.size(-2));
    for (const bool full : {false, true}) {
      const auto want = linalg::svd(a, full);
      for_layouts(a, [&](const Tensor& g) {
        const auto got = linalg::svd(g, full);
        const Tensor u = got.u.cpu(), s = got.s.cpu(), vh = got.vh.cpu();
        ASSERT_EQ(u.shape(), want.u.shape());
        ASSERT_EQ(vh.shape(), want.vh.shape());
        expect_near(s, want.s, unit(a.dtype()));
        expect_near(linalg::svdvals(g), want.s, unit(a.dtype()));
        expect_near(matmul(slice(u, -1, 0, k) * unsqueeze(s, -2), slice(vh, -2, 0, k)), a, unit(a.dtype()));
        expect_near(matmul(adjoint(u), u), matmul(adjoint(want.u), want.u), unit(a.dtype()));
        expect_near(matmul(vh, adjoint(vh)), matmul(want.vh, adjoint(want.vh)), unit(a.dtype()));
      });
    }
  });
}

TEST_F(CudaLinalg, Eigh) {
  for_matrices(kSquare, [](const Tensor& x) {
    const Tensor a = x + adjoint(x);
    for (const bool upper : {false, true}) {
      // What is not read may be anything.
      const Tensor part = (upper ? triu(a) : tril(a)) + (upper ? tril(a * 0.0 + 5.0, -1) : triu(a * 0.0 + 5.0, 1));
      const auto want = linalg::eigh(a, upper);
      for_layouts(part, [&](const Tensor& g) {
        const auto got = linalg::eigh(g, upper);
        const Tensor w = got.eigenvalues.cpu(), v = got.eigenvectors.cpu();
        expect_near(w, want.eigenvalues, unit(a.dtype()));
        expect_near(linalg::eigvalsh(g, upper), want.eigenvalues, unit(a.dtype()));
        expect_near(matmul(v * unsqueeze(w, -2), adjoint(v)), a, unit(a.dtype()));
      });
    }
  });
}

TEST_F(CudaLinalg, Eig) {
  for_matrices(kSquare, [](const Tensor& a) {
    for_layouts(a, [&](const Tensor& g) {
      const auto got = linalg::eig(g);
      const Tensor w = got.eigenvalues.cpu(), v = got.eigenvectors.cpu(), wide = a.to(v.dtype());
      ASSERT_EQ(w.dtype(), complex_type(a.dtype()));
      expect_near(matmul(wide, v), v * unsqueeze(w, -2), 10 * unit(a.dtype()));
      const Tensor lengths = sum(abs_square(v), {-2});
      expect_near(lengths, lengths * 0.0 + 1.0, unit(a.dtype()));
      expect_near(linalg::eigvals(g), w, 10 * unit(a.dtype()));
    });
  });
}

TEST_F(CudaLinalg, LeastSquares) {
  for_matrices(kAny, [](const Tensor& a) {
    for (const int64_t driver : {0, 1, 2, 3}) {
      for (const int64_t columns : {0, 1, 3}) {
        SCOPED_TRACE(concat("driver ", driver, ", ", columns, " columns"));
        const Tensor b = side_for(a, columns);
        const LstsqAttrs attrs{.rcond = 1e-6, .driver = driver};
        const auto want = run_all(kLinalgLstsq, {a, b}, attrs);
        for_layouts(a, [&](const Tensor& g) {
          const auto got = run_all(kLinalgLstsq, {g, b.to(kCuda)}, attrs);
          expect_near(got[0], want[0], 10 * unit(a.dtype()));
          EXPECT_TRUE(equal(got[1].cpu(), want[1]));
          expect_near(got[2], want[2], unit(a.dtype()));
        });
      }
    }
  });
  // Ranks below the size: the shortest of the solutions.
  const Tensor column = noise({2, 4, 1}, f64), row = noise({2, 1, 3}, f64, -1, 1, 3),
               b = noise({2, 4, 2}, f64, -1, 1, 5);
  for (const bool wide : {false, true}) {
    const Tensor a = wide ? matmul(column, row).mT() : matmul(column, row), side = wide ? slice(b, -2, 0, 3) : b;
    for (const int64_t driver : {0, 2, 3}) {
      const LstsqAttrs attrs{.rcond = 1e-9, .driver = driver};
      const auto got = run_all(kLinalgLstsq, {a.to(kCuda), side.to(kCuda)}, attrs),
                 want = run_all(kLinalgLstsq, {a, side}, attrs);
      expect_near(got[0], want[0], 1e-9);
      EXPECT_EQ(got[1].to_vector<int64_t>(), (std::vector<int64_t>{1, 1}));
    }
  }
}

TEST_F(CudaLinalg, MatrixExp) {
  for_matrices(kSquare, [](const Tensor& a) {
    for (const double size : {0.0, 0.5, 30.0}) {
      const Tensor scaled = a * size;
      for_layouts(scaled, [&](const Tensor& g) {
        expect_near(linalg::matrix_exp(g), linalg::matrix_exp(scaled), 100 * unit(a.dtype()));
      });
    }
  });
  // Norms of all sizes in a batch, one of which is none.
  Tensor a = noise({4, 3, 3}, f64);
  a.index({1}) = a[1] * 1e-9;
  a.index({2}) = eye(3, {}, {.dtype = f64}) * -1e30;
  a.index({3, 0, 1}) = kNan;
  const Tensor got = linalg::matrix_exp(a.to(kCuda)).cpu(), want = linalg::matrix_exp(a);
  expect_near(slice(got, 0, 0, 3), slice(want, 0, 0, 3), 1e-12);
  EXPECT_TRUE(all(isnan(got[3])).item<bool>());
}

// ---- What is wrong with values: told by the next call that waits.
#define EXPECT_TOLD(call, ...) \
  call;                        \
  EXPECT_EQ(error_of([&] { synchronize(kCuda); }), __VA_ARGS__)

TEST_F(CudaLinalg, SingularMatricesAreToldWhenTheHostWaits) {
  Tensor a = regular(noise({3, 2, 2}, f64));
  a.index({1, 1}) = 0;
  const Tensor g = a.to(kCuda), b = ones({3, 2, 1}, {.dtype = f64, .device = kCuda});
  EXPECT_TOLD(linalg::solve(g, b), "linalg_solve: matrix 1 of the batch is singular: U(2,2) is zero");
  EXPECT_TOLD(linalg::inv(g[1]), "linalg_solve: the matrix is singular: U(2,2) is zero");
  EXPECT_TOLD(linalg::lu_factor(g), "linalg_lu_factor: matrix 1 of the batch is singular: U(2,2) is zero");
  // It is told once; the others, which are asked for numbers, tell nothing.
  synchronize(kCuda);
  EXPECT_EQ(linalg::solve_ex(g, b).info.to_vector<int>(), (std::vector<int>{0, 2, 0}));
  EXPECT_EQ(linalg::lu_factor_ex(g).info.to_vector<int>(), (std::vector<int>{0, 2, 0}));
  // An index out of range is told in its own words again.
  index_select(g, 0, tensor({7}, {.dtype = i64}).to(kCuda));
  EXPECT_EQ(error_of([&] { synchronize(kCuda); }), "index_select: index 7 is out of range for a dimension of size 3");
}

TEST_F(CudaLinalg, MatricesThatAreNotPositiveDefiniteAreTold) {
  Tensor a = positive(noise({3, 3, 3}, f64));
  a.index({2, 1, 1}) = -1;
  a.index({1, 2, 2}) = kNan;
  EXPECT_TOLD(linalg::cholesky(a.to(kCuda)),
              "linalg_cholesky: matrix 1 of the batch is not positive definite: its leading minor of order 3 is not");
  EXPECT_EQ(linalg::cholesky_ex(a.to(kCuda)).info.to_vector<int>(), (std::vector<int>{0, 3, 2}));
}

TEST_F(CudaLinalg, NanAndInfinityAreTold) {
  Tensor a = noise({2, 3, 3}, f64), c = noise({2, 3, 3}, c64);
  a.index({1, 2, 0}) = kNan;
  c.index({0, 1, 1}) = kInf;
  const Tensor g = a.to(kCuda);
  EXPECT_TOLD(linalg::svd(g), "linalg_svd: matrix 1 of the batch holds NaN or infinity");
  EXPECT_TOLD(linalg::svdvals(c.to(kCuda)), "linalg_svd: matrix 0 of the batch holds NaN or infinity");
  EXPECT_TOLD(linalg::eigh(g), "linalg_eigh: matrix 1 of the batch holds NaN or infinity");
  EXPECT_TOLD(linalg::eig(g), "linalg_eig: matrix 1 of the batch holds NaN or infinity");
  linalg::eigh(g, true);  // the triangle above the diagonal has none
  synchronize(kCuda);
  const Tensor good = noise({2, 3, 3}, f64, -1, 1, 3).to(kCuda);
  for (const int64_t driver : {0, 1}) {
    const LstsqAttrs attrs{.rcond = 1e-9, .driver = driver};
    EXPECT_TOLD(run_all(kLinalgLstsq, {g, good}, attrs), "linalg_lstsq: matrix 1 of the batch holds NaN or infinity");
    EXPECT_TOLD(run_all(kLinalgLstsq, {good, g}, attrs),
                "linalg_lstsq: the right-hand side of matrix 1 of the batch holds NaN or infinity");
  }
}

TEST_F(CudaLinalg, GelsNeedsFullRank) {
  const LstsqAttrs attrs{.driver = 1};
  const Tensor a = zeros({2, 3, 2}, {.dtype = f64, .device = kCuda}),
               b = ones({2, 3, 1}, {.dtype = f64, .device = kCuda});
  EXPECT_TOLD(
      run_all(kLinalgLstsq, {a, b}, attrs),
      "linalg_lstsq: matrix 0 of the batch does not have full rank, which the driver gels needs: element 1 of the "
      "diagonal of its triangular factor is zero");
}

TEST_F(CudaLinalg, InAGraph) {
  const Tensor a = regular(noise({2, 3, 3}, f64)).to(kCuda), b = noise({2, 3, 2}, f64, -1, 1, 3).to(kCuda);
  Tensor x;
  linalg::solve(a, b);
  synchronize(kCuda);
  CudaGraph graph(kCuda, [&] { x = linalg::solve(a, b); });
  Tensor(b).copy_(b * 2);
  graph.replay();
  expect_near(x, linalg::solve(a.cpu(), b.cpu()), 1e-12);
  const std::string error = error_of([&] { CudaGraph(kCuda, [&] { linalg::eigh(a); }); });
  EXPECT_EQ(
      error,
      "linalg.eigh: linalg_eigh: a capture: this op waits for the GPU, in cuSOLVER or by itself, and nothing may while "
      "work is captured");
}

TEST_F(CudaLinalg, GradientsAreTheCpus) {
  const Tensor a = regular(noise({2, 3, 3}, f64)), b = noise({2, 3, 2}, f64, -1, 1, 3);
  const auto gradient = [&](Device d) {
    const Tensor x = a.clone().to(d).requires_grad_();
    const Tensor triangle = linalg::solve_triangular(linalg::cholesky(matmul(x, x.mT())), b.to(d), false);
    (triangle.sum() + linalg::det(x).sum() + linalg::svdvals(x).sum() + linalg::qr(x).r.sum()).backward();
    return x.grad();
  };
  expect_near(gradient(kCuda), gradient(kCpu), 1e-10);
}

}  // namespace
}  // namespace hearth
