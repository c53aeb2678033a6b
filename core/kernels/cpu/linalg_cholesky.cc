#include "core/kernels/cpu/linalg_batch.h"
#include "core/kernels/cpu/linalg_factor.h"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cpu {
namespace {

// A row-major lower triangle is, column-major, the upper triangle of the transposed matrix: A^T = (L^T)^H L^T.
template <class T>
void cholesky_all(OpCall& c) {
  const Matrices<T> a(c.input(0)), l(c.out[0]);
  int* const infos = static_cast<int*>(c.out[1].impl()->data());
  const int n = lapack_size(c, a.rows());
  for_batch(a.count(), cube(n) / 3, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      T* const to = l.at(b);
      infos[b] = 0;
      if (n == 0) continue;
      copy_matrix(n, n, a.at(b), a.row(), a.col(), to, n, 1);
      infos[b] = factor_cholesky(n, to, n);
      for (int64_t i = 0; i < n; ++i) std::fill(to + i * n + i + 1, to + (i + 1) * n, T(0));
    }
  });
  if (!c.attrs_as<FactorAttrs>().check) return;
  for (int64_t b = 0; b < a.count(); ++b) {
    HEARTH_CHECK(infos[b] == 0, called_name(c), ": ", matrix_name(b, c.input(0).shape()),
                 " is not positive definite: its leading minor of order ", infos[b], " is not");
  }
}

// X A = B of the transposed, column-major matrices, in the memory of X.
template <class T>
void triangular_all(OpCall& c) {
  const auto& attrs = c.attrs_as<TriangularAttrs>();
  const Matrices<T> a(c.input(0)), rhs(c.input(1)), x(c.out[0]);
  const int n = lapack_size(c, a.rows()), k = lapack_size(c, rhs.cols());
  const auto fits = [&](int64_t unit, int64_t other) { return unit == 1 && other >= n && other <= INT_MAX; };
  const bool by_rows = fits(a.col(), a.row()), by_columns = fits(a.row(), a.col());
  const char diag = attrs.unit ? 'U' : 'N';
  const auto distance = [&](int64_t stride) { return static_cast<int>(std::max<int64_t>(stride, 1)); };
  for_batch(a.count(), static_cast<double>(n) * n * k, [&](int64_t begin, int64_t end) {
    auto copy = matrix_memory<T>(by_rows || by_columns ? 0 : a.rows() * a.cols());
    for (int64_t b = begin; b < end; ++b) {
      if (n == 0 || k == 0) continue;
      T* const to = x.at(b);
      copy_matrix(n, k, rhs.at(b), rhs.row(), rhs.col(), to, k, 1);
      const T* from = a.at(b);
      int lda = distance(by_rows ? a.row() : a.col());
      if (!by_rows && !by_columns) {
        copy_matrix(n, n, from, a.row(), a.col(), copy.data(), n, 1);
        from = copy.data();
        lda = n;
      }
      if (by_columns && !by_rows) solve_triangle('R', attrs.upper ? 'U' : 'L', 'T', diag, k, n, from, lda, to, k);
      else solve_triangle('R', attrs.upper ? 'L' : 'U', 'N', diag, k, n, from, lda, to, k);
    }
  });
}

}  // namespace

void linalg_cholesky(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { cholesky_all<T>(c); });
}
void linalg_solve_triangular(OpCall& c) {
  for_numbers(c.dtype, [&]<class T>() { triangular_all<T>(c); });
}

}  // namespace hearth::cpu
