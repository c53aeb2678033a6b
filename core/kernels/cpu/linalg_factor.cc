#include "core/kernels/cpu/linalg_factor.h"

#include <algorithm>
#include <complex>
#include <utility>

#include "core/base/omp.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/lapack.h"

namespace hearth::cpu {
namespace {

constexpr int kLarge = 384;  // from here on a matrix is worth several cores
constexpr int kPanel = 64;   // columns that one step takes off
constexpr int kTile = 128;   // columns of a task

// Row exchanges i <-> pivots[i] - 1 for i of [first, last), in some columns.
template <class T>
void swap_rows(T* a, int lda, int cols, const int* pivots, int first, int last) {
  for (int j = 0; j < cols; ++j) {
    T* const column = a + static_cast<int64_t>(j) * lda;
    for (int i = first; i < last; ++i) {
      if (pivots[i] - 1 != i) std::swap(column[i], column[pivots[i] - 1]);
    }
  }
}

// f(first, count) for tiles of columns.
template <class F>
void for_tiles(int cols, F f) {
  const int tiles = (cols + kTile - 1) / kTile;
  parallel_for(tiles, 1, [&](int64_t begin, int64_t end) {
    const OmpSingleThread single;
    for (int64_t t = begin; t < end; ++t) {
      const int first = static_cast<int>(t) * kTile;
      f(first, std::min(kTile, cols - first));
    }
  });
}

// OpenBLAS takes NaN for a positive number.
template <class T>
int factor_small(int n, T* a, int lda) {
  if (const int info = lapack::potrf('U', n, a, lda)) return info;
  for (int i = 0; i < n; ++i) {
    if (!(std::real(a[i + static_cast<int64_t>(i) * lda]) > 0)) return i + 1;
  }
  return 0;
}

}  // namespace

template <class T>
int factor_lu(int m, int n, T* a, int lda, int* pivots) {
  const OmpSingleThread single;
  const int k = std::min(m, n);
  if (k < kLarge) return lapack::getrf(m, n, a, lda, pivots);
  int info = 0;
  for (int j = 0; j < k; j += kPanel) {
    const int width = std::min(kPanel, k - j), next = j + width;
    T* const panel = a + j + static_cast<int64_t>(j) * lda;
    const int found = lapack::getrf(m - j, width, panel, lda, pivots + j);
    if (found > 0 && info == 0) info = j + found;
    for (int i = j; i < next; ++i) pivots[i] += j;
    for_tiles(n - width, [&](int first, int count) {
      // The tiles pass over the panel.
      const int before = std::clamp(j - first, 0, count);
      swap_rows(a + static_cast<int64_t>(first) * lda, lda, before, pivots, j, next);
      const int from = std::max(first, j) + width, cols = count - before;
      if (cols == 0) return;
      T* const right = a + static_cast<int64_t>(from) * lda;
      swap_rows(right, lda, cols, pivots, j, next);
      lapack::trsm('L', 'L', 'N', 'U', width, cols, panel, lda, right + j, lda);
      if (next < m) {
        lapack::gemm('N', 'N', m - next, cols, width, T(-1), panel + width, lda, right + j, lda, T(1), right + next,
                     lda);
      }
    });
  }
  return info;
}

template <class T>
int factor_cholesky(int n, T* a, int lda) {
  const OmpSingleThread single;
  if (n < kLarge) return factor_small(n, a, lda);
  for (int j = 0; j < n; j += kPanel) {
    const int width = std::min(kPanel, n - j), next = j + width;
    T* const corner = a + j + static_cast<int64_t>(j) * lda;
    if (const int info = factor_small(width, corner, lda)) return j + info;
    T* const right = a + j + static_cast<int64_t>(next) * lda;
    for_tiles(n - next, [&](int first, int count) {
      lapack::trsm('L', 'U', 'C', 'N', width, count, corner, lda, right + static_cast<int64_t>(first) * lda, lda);
    });
    for_tiles(n - next, [&](int first, int count) {
      const T* const tile = right + static_cast<int64_t>(first) * lda;
      lapack::gemm('C', 'N', first + count, count, width, T(-1), right, lda, tile, lda, T(1),
                   a + next + static_cast<int64_t>(next + first) * lda, lda);
    });
  }
  return 0;
}

template <class T>
void solve_triangle(char side, char uplo, char trans, char diag, int m, int n, const T* a, int lda, T* b, int ldb) {
  const OmpSingleThread single;
  const int size = side == 'L' ? m : n, lines = side == 'L' ? n : m;
  if (size < kLarge || lines <= kTile) return lapack::trsm(side, uplo, trans, diag, m, n, a, lda, b, ldb);
  for_tiles(lines, [&](int first, int count) {
    if (side == 'L')
      lapack::trsm(side, uplo, trans, diag, m, count, a, lda, b + static_cast<int64_t>(first) * ldb, ldb);
    else lapack::trsm(side, uplo, trans, diag, count, n, a, lda, b + first, ldb);
  });
}

template <class T>
void solve_lu(int n, int k, const T* a, int lda, const int* pivots, T* b, int ldb) {
  for_tiles(k, [&](int first, int count) {
    lapack::getrs('N', n, count, a, lda, pivots, b + static_cast<int64_t>(first) * ldb, ldb);
  });
}

#define HEARTH_FACTOR(T)                                                \
  template int factor_lu(int, int, T*, int, int*);                      \
  template int factor_cholesky(int, T*, int);                           \
  template void solve_lu(int, int, const T*, int, const int*, T*, int); \
  template void solve_triangle(char, char, char, char, int, int, const T*, int, T*, int);
HEARTH_FACTOR(float)
HEARTH_FACTOR(double)
HEARTH_FACTOR(std::complex<float>)
HEARTH_FACTOR(std::complex<double>)
#undef HEARTH_FACTOR

}  // namespace hearth::cpu
