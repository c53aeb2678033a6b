// Cholesky factorisation and triangular systems.
#include "core/kernels/cuda/complex.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/linalg_batch.h"
#include "core/kernels/cuda/solver.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {
namespace {

template <class T>
HEARTH_KERNEL void clear_above_kernel(T* l, int64_t elements, int64_t n) {
  for_each_item(elements, [&](int64_t e) {
    const int64_t i = e % (n * n) / n, j = e % n;
    if (j > i) l[e] = Parts<T>::number(0);
  });
}
// What potrf takes for positive may be NaN.
template <class T>
HEARTH_KERNEL void check_diagonal_kernel(const T* l, int64_t count, int64_t n, int* infos) {
  for_each_item(count, [&](int64_t b) {
    for (int64_t i = 0; i < n && infos[b] == 0; ++i) {
      if (!(Parts<T>::real(l[b * n * n + i * (n + 1)]) > 0)) infos[b] = static_cast<int>(i + 1);
    }
  });
}

// A = U^H U in place of column-major matrices without gaps, from their upper triangles.
template <class T>
void factor(const OpCall& c, const Matrices<T>& a, int n, int* infos) {
  constexpr cublasFillMode_t upper = CUBLAS_FILL_MODE_UPPER;
  const Solver solver(c);
  if (at_once(a.count(), n)) {
    const Addresses<T> all(c, a);
    return solver.run("potrf", [&](auto h) {
      return Lib<T>::potrf_batched(h, upper, n, all.get(), n, infos, static_cast<int>(a.count()));
    });
  }
  const int lwork =
      solver.size("potrf", [&](auto h, int* size) { return Lib<T>::potrf_size(h, upper, n, a.at(0), n, size); });
  const Workspace work(c.device.index, static_cast<size_t>(lwork) * sizeof(T));
  for (int64_t b = 0; b < a.count(); ++b) {
    solver.run("potrf", [&](auto h) {
      return Lib<T>::potrf(h, upper, n, a.at(b), n, static_cast<T*>(work.get()), lwork, infos + b);
    });
  }
}

// A row-major lower triangle is, column-major, the upper triangle of the transposed matrix: A^T = (L^T)^H L^T.
template <class T>
void cholesky_all(OpCall& c) {
  const Tensor &a = c.input(0), &l = c.out[0], &infos = c.out[1];
  const int n = solver_size(c, a.size(-1));
  const int64_t count = infos.numel();
  clear(c, data_of<int>(infos), infos.nbytes());
  if (a.numel() == 0) return;
  copy_tensor(l, a);
  factor(c, Matrices<T>(l), n, data_of<int>(infos));
  launch(over(c, l.numel()), clear_above_kernel<T>, data_of<T>(l), l.numel(), n);
  launch(over(c, count), check_diagonal_kernel<T>, data_of<const T>(l), count, n, data_of<int>(infos));
  if (c.attrs_as<FactorAttrs>().check) complain_of_infos(c, count, nullptr, data_of<int>(infos), not_positive);
}

// X A = B of the transposed, column-major matrices, in the memory of X.
template <class T>
void triangular_all(OpCall& c) {
  const auto& attrs = c.attrs_as<TriangularAttrs>();
  const Tensor &rhs = c.input(1), &x = c.out[0];
  const int n = solver_size(c, rhs.size(-2)), k = solver_size(c, rhs.size(-1));
  if (x.numel() == 0) return;
  const auto fits = [&](int64_t unit, int64_t other) { return unit == 1 && other >= n && other <= INT_MAX; };
  const Matrices<T> given(c.input(0));
  const bool by_columns = fits(given.row(), given.col()), as_it_is = by_columns || fits(given.col(), given.row());
  const Tensor copy = as_it_is ? c.input(0) : row_major_copy(c.input(0));
  const Matrices<T> a(copy);
  const int lda = static_cast<int>(by_columns ? a.col() : a.row());
  copy_tensor(x, rhs);
  const Solver solver(c);
  const T one = number<T>(1);
  const bool lower = by_columns ? !attrs.upper : attrs.upper;
  const cublasFillMode_t uplo = lower ? CUBLAS_FILL_MODE_LOWER : CUBLAS_FILL_MODE_UPPER;
  const cublasOperation_t turn = by_columns ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasDiagType_t diag = attrs.unit ? CUBLAS_DIAG_UNIT : CUBLAS_DIAG_NON_UNIT;
  const Matrices<T> to(x);
  if (at_once(a.count(), n)) {
    const Addresses<T> triangles(c, a), sides(c, to);
    return solver.run_blas("trsm", [&](auto h) {
      return Lib<T>::trsm_batched(h, CUBLAS_SIDE_RIGHT, uplo, turn, diag, k, n, &one, triangles.get(), lda, sides.get(),
                                  k, static_cast<int>(a.count()));
    });
  }
  for (int64_t b = 0; b < a.count(); ++b) {
    solver.run_blas("trsm", [&](auto h) {
      return Lib<T>::trsm(h, CUBLAS_SIDE_RIGHT, uplo, turn, diag, k, n, &one, a.at(b), lda, to.at(b), k);
    });
  }
}

}  // namespace

void linalg_cholesky(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { cholesky_all<T>(c); });
}
void linalg_solve_triangular(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { triangular_all<T>(c); });
}

}  // namespace hearth::cuda
