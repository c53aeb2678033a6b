/// Diagonals and triangles of matrices.
///
/// `offset` moves the diagonal: above the main one if it is positive, below if negative. Gradients flow through all
/// functions but the indices. All dtypes.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// Of a vector [n] the square matrix with it on a diagonal and 0 elsewhere, of a matrix a copy of a diagonal. Throws
/// Error unless x has one or two dimensions.
Tensor diag(const Tensor& x, int64_t offset = 0);
/// Matrices with the last dimension of x on a diagonal and 0 elsewhere: x [..., n] gives n + |offset| rows and columns,
/// which are dimensions d1 and d2 of the result. Throws Error if x is 0-dim or d1 and d2 are the same.
Tensor diag_embed(const Tensor& x, int64_t offset = 0, int64_t d1 = -2, int64_t d2 = -1);
/// diag() of all elements in row-major order.
Tensor diagflat(const Tensor& x, int64_t offset = 0);
/// The sum of the main diagonal of a matrix. Integers and bool give i64. Throws Error unless x has two dimensions.
Tensor trace(const Tensor& x);
/// Where tril(x, offset) of a matrix [rows, columns] keeps its elements: row numbers and column numbers [2, count] in
/// row-major order, i64 unless the options say i32. Throws Error if a size is negative or the dtype is another.
Tensor tril_indices(int64_t rows, int64_t columns, int64_t offset = 0, const TensorOptions& options = {});
/// The same of triu(x, offset).
Tensor triu_indices(int64_t rows, int64_t columns, int64_t offset = 0, const TensorOptions& options = {});

}  // namespace hearth
