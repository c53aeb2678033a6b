// What the kernels of linear algebra share: the matrices of a batch, their column-major copies, and errors.
#pragma once

#include <algorithm>
#include <climits>
#include <cmath>
#include <complex>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/omp.h"
#include "core/base/parallel.h"
#include "core/base/thread_state.h"
#include "core/kernels/cpu/lapack.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

// The function that the user called, as errors name it.
inline const char* called_name(const OpCall& c) { return thread_state.called ? thread_state.called : c.op.name; }

// A size as LAPACK takes it. Throws Error if it is too large.
inline int lapack_size(const OpCall& c, int64_t n) {
  HEARTH_CHECK(n <= INT_MAX, called_name(c), ": ", n, " is more than LAPACK, whose integers have 32 bits, can take");
  return static_cast<int>(n);
}
// A leading dimension.
inline int leading(int rows) { return std::max(rows, 1); }

// to[i, j] = from[i, j], in blocks that stay in the cache.
template <class T>
void copy_matrix(int64_t rows, int64_t cols, const T* from, int64_t from_row, int64_t from_col, T* to, int64_t to_row,
                 int64_t to_col) {
  if (from_row == 1 && to_row == 1) {
    for (int64_t j = 0; j < cols; ++j) std::copy_n(from + j * from_col, rows, to + j * to_col);
    return;
  }
  if (from_col == 1 && to_col == 1) {
    for (int64_t i = 0; i < rows; ++i) std::copy_n(from + i * from_row, cols, to + i * to_row);
    return;
  }
  constexpr int64_t block = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += block) {
    const int64_t i1 = std::min(i0 + block, rows);
    for (int64_t j0 = 0; j0 < cols; j0 += block) {
      const int64_t j1 = std::min(j0 + block, cols);
      for (int64_t j = j0; j < j1; ++j) {
        for (int64_t i = i0; i < i1; ++i) to[i * to_row + j * to_col] = from[i * from_row + j * from_col];
      }
    }
  }
}

// The matrices of a tensor: of its last two dimensions, for each index of the others. `vectors`: of the last one, as
// columns.
template <class T>
class Matrices {
 public:
  explicit Matrices(const Tensor& t, bool vectors = false) : layout_(t.layout()) {
    data_ = static_cast<T*>(t.impl()->data());
    lead_ = layout_.rank() - (vectors ? 1 : 2);
    for (int d = 0; d < lead_; ++d) count_ *= layout_.shape[d];
    rows_ = layout_.shape[lead_];
    row_ = layout_.strides[lead_];
    if (!vectors) {
      cols_ = layout_.shape[lead_ + 1];
      col_ = layout_.strides[lead_ + 1];
    }
  }

  int64_t count() const { return count_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t row() const { return row_; }
  int64_t col() const { return col_; }
  // Where matrix b begins. Of an operand it may only be read.
  T* at(int64_t b) const {
    int64_t offset = 0;
    for (int d = lead_; d-- > 0;) {
      offset += b % layout_.shape[d] * layout_.strides[d];
      b /= layout_.shape[d];
    }
    return data_ ? data_ + offset : nullptr;
  }
  // Matrix b to column-major memory, or the other way.
  void load(int64_t b, T* to, int64_t ld) const { copy_matrix(rows_, cols_, at(b), row_, col_, to, 1, ld); }
  void store(int64_t b, const T* from, int64_t ld) const { copy_matrix(rows_, cols_, from, 1, ld, at(b), row_, col_); }

 private:
  Layout layout_;
  T* data_ = nullptr;
  int lead_ = 0;
  int64_t count_ = 1, rows_ = 1, cols_ = 1, row_ = 1, col_ = 1;
};

// f(T) of the call's type of numbers.
template <class F>
void for_numbers(DType t, F f) {
  switch (t) {
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kF64:
      return f.template operator()<double>();
    case DType::kC64:
      return f.template operator()<std::complex<float>>();
    default:
      return f.template operator()<std::complex<double>>();
  }
}

// Memory for a matrix that LAPACK works on. OpenBLAS 0.3.21's cgemv_n and zgemv_n for Haswell, by which gesdd and its
// like apply reflectors, read up to a register beyond a matrix's end.
template <class T>
std::vector<T> matrix_memory(int64_t elements) {
  return std::vector<T>(static_cast<size_t>(elements) + 64 / sizeof(T));
}

// For LAPACK's workspaces of `numbers` elements, which its own count of would overflow. Throws Error if that is so.
inline void check_workspace(const OpCall& c, double numbers) {
  HEARTH_CHECK(numbers <= INT_MAX, called_name(c), ": matrices of shape ", c.input(0).shape(),
               " are too large for LAPACK, whose integers have 32 bits");
}

// Runs f(begin, end) over the batch; `flops` are those of one matrix. Libraries use one thread inside.
template <class F>
void for_batch(int64_t count, double flops, F f) {
  const auto grain = static_cast<int64_t>(std::clamp(2e5 / std::max(flops, 1.0), 1.0, 1e6));
  parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    const OmpSingleThread single;
    f(begin, end);
  });
}

template <class T>
double cube(T n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}

inline bool finite(float v) { return std::isfinite(v); }
inline bool finite(double v) { return std::isfinite(v); }
template <class R>
bool finite(std::complex<R> v) {
  return std::isfinite(v.real()) && std::isfinite(v.imag());
}
template <class T>
bool all_finite(const T* p, int64_t n) {
  return std::all_of(p, p + n, [](T v) { return finite(v); });
}

template <class R>
R conjugate(R v) {
  return v;
}
template <class R>
std::complex<R> conjugate(std::complex<R> v) {
  return std::conj(v);
}

// "matrix 3 of the batch", or "the matrix".
inline std::string matrix_name(int64_t b, const Shape& shape) {
  return shape.rank() > 2 ? concat("matrix ", b, " of the batch") : std::string("the matrix");
}

// How matrices failed: 0, or a number of LAPACK's.
constexpr int kNotFinite = INT_MIN, kSideNotFinite = INT_MIN + 1;
// Throws Error for the first matrix that, or whose right-hand side, holds NaN or infinity, or for which an iteration
// did not converge.
inline void check_converged(const OpCall& c, const std::vector<int>& infos) {
  for (size_t b = 0; b < infos.size(); ++b) {
    if (infos[b] == 0) continue;
    const std::string name = matrix_name(static_cast<int64_t>(b), c.input(0).shape());
    HEARTH_CHECK(infos[b] != kNotFinite, called_name(c), ": ", name, " holds NaN or infinity");
    HEARTH_CHECK(infos[b] != kSideNotFinite, called_name(c), ": the right-hand side of ", name,
                 " holds NaN or infinity");
    fail(called_name(c), ": ", name, ": the iteration did not converge (LAPACK's info is ", infos[b], ")");
  }
}

// Memory for LAPACK to work in, whose size it was asked for. f32 answers are rounded: some more is taken.
template <class T>
int work_size(const OpCall& c, T answer) {
  double n = 0;
  if constexpr (std::is_floating_point_v<T>) n = static_cast<double>(answer);
  else n = static_cast<double>(answer.real());
  if (std::is_same_v<lapack::Real<T>, float>) n *= 1 + 1e-6;
  return std::max(lapack_size(c, static_cast<int64_t>(std::ceil(n))), 1);
}

}  // namespace hearth::cpu
