/// Coordinates of the points of a grid. All dtypes; gradients flow through.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth {

/// Which dimensions of a grid the first two vectors stand for.
enum class Indexing : uint8_t {
  kIj,  ///< The first is for rows, dimension 0. PyTorch: indexing="ij".
  kXy,  ///< The first is for columns, dimension 1, the second for rows. PyTorch: indexing="xy".
};

/// The coordinates of all points of a grid: of vectors [n0], [n1], ... as many views [n0, n1, ...] (for kXy [n1, n0,
/// ...]), in which the i-th vector goes along its dimension and the others are stretched. A 0-dim tensor counts as [1].
/// Throws Error for tensors of more dimensions, and if dtypes or devices differ or there is no tensor.
std::vector<Tensor> meshgrid(std::span<const Tensor> tensors, Indexing indexing = Indexing::kIj);
std::vector<Tensor> meshgrid(std::initializer_list<Tensor> tensors, Indexing indexing = Indexing::kIj);  ///< See above.
/// All combinations of an element of each vector: of vectors [n0], ..., [nk] the rows [n0 ... nk, k + 1], those of the
/// last vector changing first; of one vector the vector itself. Throws Error as meshgrid(), and for 0-dim tensors.
Tensor cartesian_prod(std::span<const Tensor> tensors);
Tensor cartesian_prod(std::initializer_list<Tensor> tensors);  ///< See above.
/// The combinations of r elements of a vector [n] in the order of their places: [n choose r, r], or with replacement
/// [n + r - 1 choose r, r]; for r = 0 [0]. Throws Error if x is not 1-D, r is negative, or there are more than 2^28 of
/// their elements.
Tensor combinations(const Tensor& x, int64_t r = 2, bool with_replacement = false);
/// The coordinates of places in row-major order in a tensor of this shape: one tensor, in the shape of `index`, for
/// each dimension. Throws Error if `index` is not of integers or the shape has no places; of places outside the results
/// are without meaning.
std::vector<Tensor> unravel_index(const Tensor& index, const Shape& shape);

}  // namespace hearth
