/// Clipping gradients by a norm that is known.
#pragma once

#include <span>

#include "core/tensor/tensor.h"

namespace hearth::optim {

/// clip_grad_norm_() with a norm that was taken before, a 0-dim f32 or f64 tensor such as grad_norm() gives: multiplies
/// all gradients by min(max_norm / (norm + 1e-6), 1). Throws Error if max_norm is negative or the norm is another
/// tensor.
void clip_grads_with_norm_(std::span<const Tensor> parameters, double max_norm, const Tensor& norm);

}  // namespace hearth::optim
