// Gradients of parameters, as clipping and GradScaler write to them.
#pragma once

#include <span>

#include "core/tensor/tensor.h"

namespace hearth::optim {

/// Gives gradients that cannot be written (one given from outside may be one number for many elements) memory of their
/// own.
void own_gradients(std::span<const Tensor> parameters);

/// Multiplies each gradient by `factor`, 0-dim f32 or f64; one that several parameters share, once.
void scale_gradients(std::span<const Tensor> parameters, const Tensor& factor);

}  // namespace hearth::optim
