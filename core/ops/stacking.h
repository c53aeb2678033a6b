/// Joining tensors by rows, columns and depth, and cutting them again.
///
/// The functions that join give new tensors, of the dtype in which those of the operands meet; those that cut give
/// views. Gradients flow through all of them. All dtypes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// x, with a dimension if it has none: [] becomes [1]. A view.
Tensor atleast_1d(const Tensor& x);
/// x, with two dimensions if it has fewer: [n] becomes [1, n]. A view.
Tensor atleast_2d(const Tensor& x);
/// x, with three dimensions if it has fewer: [n] becomes [1, n, 1], and [m, n] becomes [m, n, 1]. A view.
Tensor atleast_3d(const Tensor& x);

/// The tensors side by side: along dimension 1, or dimension 0 if the first has at most one dimension. Throws Error as
/// cat().
Tensor hstack(std::span<const Tensor> tensors);
Tensor hstack(std::initializer_list<Tensor> tensors);  ///< See above.
/// The tensors, at least 2-D, one below the other: along dimension 0. PyTorch has row_stack as another name. Throws
/// Error as cat().
Tensor vstack(std::span<const Tensor> tensors);
Tensor vstack(std::initializer_list<Tensor> tensors);  ///< See above.
/// The tensors, at least 3-D, one behind the other: along dimension 2. Throws Error as cat().
Tensor dstack(std::span<const Tensor> tensors);
Tensor dstack(std::initializer_list<Tensor> tensors);  ///< See above.
/// hstack() in which tensors of at most one dimension are columns [n, 1].
Tensor column_stack(std::span<const Tensor> tensors);
Tensor column_stack(std::initializer_list<Tensor> tensors);  ///< See above.

/// Matrices along the diagonal of one, zeros elsewhere: [m, n] and [p, q] give [m + p, n + q]. Vectors count as rows,
/// numbers as [1, 1]. Throws Error for tensors of more dimensions, or for none.
Tensor block_diag(std::span<const Tensor> tensors);
Tensor block_diag(std::initializer_list<Tensor> tensors);  ///< See above.

/// `sections` parts along dimension d; where its size is not a multiple, the first parts have one place more. Unlike
/// chunk() it always gives so many parts. Throws Error if sections < 1 or x is 0-dim.
std::vector<Tensor> tensor_split(const Tensor& x, int64_t sections, int64_t d = 0);
/// The parts of dimension d between the given places: before the first, from each to the next, from the last on. Places
/// are ends of slices as in slice(): negative ones count from the end, those out of range are clamped. Throws Error if
/// x is 0-dim.
std::vector<Tensor> tensor_split(const Tensor& x, std::span<const int64_t> places, int64_t d = 0);
std::vector<Tensor> tensor_split(const Tensor& x, std::initializer_list<int64_t> places,
                                 int64_t d = 0);  ///< See above.
/// tensor_split() along dimension 1, or dimension 0 of a 1-D tensor, into parts of one size. Throws Error if x is 0-dim
/// or the size is not a multiple of `sections`.
std::vector<Tensor> hsplit(const Tensor& x, int64_t sections);
/// tensor_split() along dimension 1, or dimension 0 of a 1-D tensor. Throws Error if x is 0-dim.
std::vector<Tensor> hsplit(const Tensor& x, std::initializer_list<int64_t> places);
/// tensor_split() along dimension 0 into parts of one size. Throws Error unless x has at least two dimensions and the
/// size is a multiple of `sections`.
std::vector<Tensor> vsplit(const Tensor& x, int64_t sections);
/// tensor_split() along dimension 0. Throws Error unless x has at least two dimensions.
std::vector<Tensor> vsplit(const Tensor& x, std::initializer_list<int64_t> places);
/// tensor_split() along dimension 2 into parts of one size. Throws Error unless x has at least three dimensions and the
/// size is a multiple of `sections`.
std::vector<Tensor> dsplit(const Tensor& x, int64_t sections);
/// tensor_split() along dimension 2. Throws Error unless x has at least three dimensions.
std::vector<Tensor> dsplit(const Tensor& x, std::initializer_list<int64_t> places);

}  // namespace hearth
