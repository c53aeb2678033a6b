// Several tensors in the memory of one exchange.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor/tensor.h"
#include "distributed/group/executor.h"

namespace hearth::distributed::detail {

/// New memory, [parts, all elements], that the operation holds: for each of `parts` ranks its part of each tensor, one
/// after another. `values`: which has the tensors' values.
Tensor pack(Operation& op, std::span<const Tensor> tensors, int64_t parts, bool values);

/// Has what pack() has made copied into the tensors when the operation is done.
void unpack(Operation& op, const Tensor& flat, std::span<const Tensor> tensors, int64_t parts);

}  // namespace hearth::distributed::detail
