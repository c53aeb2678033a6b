/// Several dimensions at once, turned and mirrored tensors, and NumPy's names.
///
/// Dimensions may be negative, counted from the end; throws Error for one that does not exist. Gradients flow through
/// all functions. All dtypes.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/tensor/tensor.h"

namespace hearth {

/// Moves dimension from[i] to place to[i], for each i; the others keep their order. A view. Throws Error if the lists
/// differ in length or name a dimension twice.
Tensor movedim(const Tensor& x, const Dims& from, const Dims& to);
/// movedim() by another name.
Tensor moveaxis(const Tensor& x, int64_t from, int64_t to);
Tensor moveaxis(const Tensor& x, const Dims& from, const Dims& to);  ///< See above.
/// transpose() by another name. torch has swapdims too.
Tensor swapaxes(const Tensor& x, int64_t a, int64_t b);
/// Drops those of the dimensions whose size is 1. A view. Throws Error if one is named twice.
Tensor squeeze(const Tensor& x, const Dims& dims);
inline Tensor squeeze(const Tensor& x, std::initializer_list<int64_t> dims) {
  return squeeze(x, Dims(dims));
}  ///< See above.
/// A copy with the order of the columns reversed: flip() of dimension 1. Throws Error if x has fewer than two
/// dimensions.
Tensor fliplr(const Tensor& x);
/// A copy with the order of the rows reversed: flip() of dimension 0. Throws Error if x is 0-dim.
Tensor flipud(const Tensor& x);
/// A copy of x turned by k quarters in the plane of two dimensions, from the first towards the second. Throws Error
/// unless `dims` names two different dimensions.
Tensor rot90(const Tensor& x, int64_t k = 1, const Dims& dims = {0, 1});

}  // namespace hearth
