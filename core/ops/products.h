/// Products of tensors that are made of others. Gradients flow through all functions.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// The sum of products over the last `dims` dimensions of a and the first of b. Dtypes as in matmul(). Throws Error if
/// sizes do not fit or there are fewer dimensions.
Tensor tensordot(const Tensor& a, const Tensor& b, int64_t dims = 2);
/// The same over dimensions a_dims[i] of a and b_dims[i] of b, for each i: the result has the other dimensions of a,
/// then those of b. Where one of two sizes is 1 it is stretched. Throws Error if the sizes do not fit or a dimension is
/// named twice.
Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& a_dims, const Dims& b_dims);
/// The cross product of vectors along dimension d, which has 3 places; without d along the first that has. a and b
/// broadcast. Not for bool.
Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> d = {});
/// The Kronecker product: each element of a times all of b, as blocks. The operand of fewer dimensions gets leading
/// ones of size 1.
Tensor kron(const Tensor& a, const Tensor& b);

}  // namespace hearth
