// Joining tensors along a dimension.
#pragma once

#include <initializer_list>
#include <span>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Joined along a dimension that exists (cat) or is new (stack). Dtypes are promoted.
Tensor cat(std::span<const Tensor> tensors, int64_t d = 0);
Tensor cat(std::initializer_list<Tensor> tensors, int64_t d = 0);
Tensor stack(std::span<const Tensor> tensors, int64_t d = 0);
Tensor stack(std::initializer_list<Tensor> tensors, int64_t d = 0);

// x, ... -> y
extern constinit const OpDef kCat;

}  // namespace hearth
