/// Padding: tensors with further elements at their borders.
///
/// Any number of dimensions and all dtypes. Gradients flow. `sides` counts from the last dimension on, as in PyTorch:
/// {left, right}, {left, right, top, bottom} and so on; negative numbers drop elements. Throws Error if `sides` has an
/// odd number of entries or more than two for each dimension, or where a size would become negative.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// What pad() puts outside of the tensor.
enum class Padding : uint8_t {
  kConstant,   ///< One number.
  kReflect,    ///< The tensor mirrored at its border, which is not repeated; fewer elements than it has.
  kReplicate,  ///< The nearest element of the border.
  kCircular,   ///< The tensor once more, as if it went round; at most as many elements as it has.
};

/// x with sides[0] elements before and sides[1] after its last dimension, sides[2] and sides[3] around the one before,
/// and so on. `value` is for Padding::kConstant. PyTorch: nn.functional.pad.
Tensor pad(const Tensor& x, const std::vector<int64_t>& sides, Padding mode = Padding::kConstant, Scalar value = 0.0);

// ---- The record of this op (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

/// x -> y, with PadAttrs.
extern constinit const OpDef kPad;

}  // namespace hearth
