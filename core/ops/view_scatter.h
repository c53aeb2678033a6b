/// Copies in which a part is replaced: what assigning to a view would change, without changing the tensor.
///
/// Gradients flow to the tensor, outside of the part, and to the part. The part is cast to the tensor's dtype. Throws
/// Error unless it has the shape of what it replaces.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// x with `part` at place i of dimension d: select(x, d, i) of the result is part.
Tensor select_scatter(const Tensor& x, const Tensor& part, int64_t d, int64_t i);
/// x with `part` at every step-th place of dimension d from start to end - 1, as slice() names them.
Tensor slice_scatter(const Tensor& x, const Tensor& part, int64_t d = 0, std::optional<int64_t> start = {},
                     std::optional<int64_t> end = {}, int64_t step = 1);
/// x with `part` on a diagonal, as diagonal() names it.
Tensor diagonal_scatter(const Tensor& x, const Tensor& part, int64_t offset = 0, int64_t d1 = 0, int64_t d2 = 1);

}  // namespace hearth
