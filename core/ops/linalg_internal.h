// What the files of linear algebra share.
#pragma once

#include <initializer_list>
#include <limits>

#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/op_call.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/linalg_decompositions.h"
#include "core/ops/linalg_solves.h"
#include "core/ops/view.h"

namespace hearth::linalg_detail {

constexpr DTypeSet kLinalgTypes{f32, f64, c64, c128};

inline Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }
// The conjugate transpose.
inline Tensor adjoint(const Tensor& x) { return conj(transposed(x)); }

// Throws Error unless x holds matrices.
inline void expect_matrices(const char* op, const Tensor& x) {
  expect_defined(op, {x});
  HEARTH_CHECK(x.dim() >= 2, op, ": expected matrices, of at least 2 dimensions, but the shape is ", x.shape());
}
inline void expect_square(const char* op, const Tensor& x) {
  expect_matrices(op, x);
  HEARTH_CHECK(x.size(-1) == x.size(-2), op, ": the matrices must be square, but the shape is ", x.shape());
}

// Throws Error unless x is of numbers that LAPACK knows. Under Autocast f16 and bf16 are let through: they become f32.
void expect_linalg_dtype(const char* op, const Tensor& x);

// Leading dimensions: all but the last `matrix`.
inline Shape batch_of(const Tensor& x, int matrix = 2) {
  Shape s;
  for (int d = 0; d + matrix < x.dim(); ++d) s.push_back(x.shape()[d]);
  return s;
}
inline Shape with(Shape batch, std::initializer_list<int64_t> sizes) {
  for (const int64_t n : sizes) batch.push_back(n);
  return batch;
}
// x with these leading dimensions, as a view.
inline Tensor expanded(const Tensor& x, const Shape& batch) {
  const Shape shape = with(batch, {x.size(-2), x.size(-1)});
  return x.shape() == shape ? x : expand(x, shape);
}

// bool [n, n]: true on the diagonal.
inline Tensor on_diagonal(int64_t n, Device device) { return eye(n, {}, {.dtype = boolean, .device = device}); }
inline Tensor identity(int64_t n, const Tensor& like) {
  return eye(n, {}, {.dtype = real_type(like.dtype()), .device = like.device()}).to(like.dtype());
}
// x [..., n, n] with d [..., n] on its diagonal.
inline Tensor with_diagonal(const Tensor& x, const Tensor& d) {
  return where(on_diagonal(d.size(-1), x.device()), unsqueeze(d, -1), x);
}
// Matrices with d on the diagonal and 0 elsewhere.
inline Tensor diagonal_matrix(const Tensor& d) {
  return where(on_diagonal(d.size(-1), d.device()), unsqueeze(d, -1), Scalar(0.0));
}
// x diag(d) and diag(d) x.
inline Tensor scaled_columns(const Tensor& x, const Tensor& d) { return x * unsqueeze(d, -2); }
inline Tensor scaled_rows(const Tensor& x, const Tensor& d) { return unsqueeze(d, -1) * x; }

// The distance of neighbours at 1 in the dtype of a tensor's parts.
inline double rounding_unit(const Tensor& x) {
  return real_type(x.dtype()) == DType::kF64 ? std::numeric_limits<double>::epsilon()
                                             : static_cast<double>(std::numeric_limits<float>::epsilon());
}

// P^T X, or with by_p P X, for the pivots of lu_factor(); the batch of both is the same.
Tensor permuted_rows(const Tensor& x, const Tensor& pivots, bool by_p);
// P, L and U of the results of lu_factor().
linalg::Lu unpacked(const Tensor& lu, const Tensor& pivots);
// Which singular values or eigenvalues of a count as more than 0. There must be some.
Tensor not_zero(const Tensor& a, const Tensor& values, const linalg::RankTolerance& tolerance);
// The gradient of pinv(): that of `p` = pinv(a), given the gradient of it.
Tensor pinv_gradient(const Tensor& grad, const Tensor& p, const Tensor& a);

}  // namespace hearth::linalg_detail
