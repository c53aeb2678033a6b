/// Optimizers' updates of many tensors at once, and what clipping needs of many gradients.
///
/// Operands of the updates come in rows: parameter, gradient, states. Parameter and states are written. A row's
/// operands have one shape and any strides; its parameter and gradient have any float dtype, its states f64 where the
/// parameter is f64, else f32. Elements are computed in the states' dtype; a parameter of f16 or bf16 is rounded once.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

/// SgdAttrs. States: momentum buffer, absent without momentum.
void sgd_step(OpCall&);
/// AdamAttrs. States: first moment, second moment, and the largest second moment, absent without amsgrad.
void adam_step(OpCall&);
/// RmspropAttrs. States: mean of squares; momentum buffer, absent without momentum; mean, absent unless centered.
void rmsprop_step(OpCall&);
/// PowerSumAttrs: any number of tensors of any float dtypes and shapes -> f64 0-dim.
void power_sum(OpCall&);
/// Rows of a tensor of any float dtype, which is written, and a 0-dim f32 or f64 factor.
void scale_each(OpCall&);

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void sgd_step(OpCall&);
[[gnu::weak]] void adam_step(OpCall&);
[[gnu::weak]] void rmsprop_step(OpCall&);
[[gnu::weak]] void power_sum(OpCall&);
[[gnu::weak]] void scale_each(OpCall&);

}  // namespace hearth::cuda
