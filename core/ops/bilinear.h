/// Bilinear forms.
#pragma once

#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// y[..., o] = sum over i and j of x1[..., i] weight[o, i, j] x2[..., j], plus bias[o]. x1 [..., in1], x2 [..., in2],
/// weight [out, in1, in2], bias [out]. f16 and bf16 are computed in f32 and rounded once, also under
/// Autocast, where dtypes may differ and the result then is f32. Floating-point only; throws Error if dtypes differ
/// otherwise or shapes do not fit.
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight,
                const std::optional<Tensor>& bias = std::nullopt);

}  // namespace hearth
