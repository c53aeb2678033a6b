/// Joining tensors along a dimension. The results are new tensors, of the dtype in which those of the operands meet.
#pragma once

#include <initializer_list>
#include <span>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// The tensors one after the other along dimension d, which they have. The other sizes must agree. An empty 1-D tensor
/// [0] is left out. The result is channels-last if the first tensor is. Throws Error if shapes do not fit, tensors are
/// 0-dim, or there is none.
Tensor cat(std::span<const Tensor> tensors, int64_t d = 0);
Tensor cat(std::initializer_list<Tensor> tensors, int64_t d = 0);  ///< See above.
/// The tensors, all of one shape, along a new dimension d. Throws Error if shapes differ or there is no tensor.
Tensor stack(std::span<const Tensor> tensors, int64_t d = 0);
Tensor stack(std::initializer_list<Tensor> tensors, int64_t d = 0);  ///< See above.

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x, ... -> y.
extern constinit const OpDef kCat;

}  // namespace hearth
