// Kernels of normalisations. Any strides; f16 and bf16 are computed in f32 and rounded once. Statistics are f32, or f64
// for f64.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void layer_norm(OpCall&);       // LayerNormAttrs: x, weight, bias -> y, mean, rstd
void layer_norm_grad(OpCall&);  // LayerNormAttrs: g, x, weight, mean, rstd -> dx, dweight, dbias
void group_norm(OpCall&);       // GroupNormAttrs: x, weight, bias -> y, mean, rstd
void group_norm_grad(OpCall&);  // GroupNormAttrs: g, x, weight, mean, rstd -> dx, dweight, dbias
void batch_norm(OpCall&);       // BatchNormAttrs: x, weight, bias, mean, var -> y, mean, rstd
void batch_norm_grad(OpCall&);  // BatchNormAttrs: g, x, weight, mean, rstd -> dx, dweight, dbias

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void layer_norm(OpCall&);
[[gnu::weak]] void layer_norm_grad(OpCall&);
[[gnu::weak]] void group_norm(OpCall&);
[[gnu::weak]] void group_norm_grad(OpCall&);
[[gnu::weak]] void batch_norm(OpCall&);
[[gnu::weak]] void batch_norm_grad(OpCall&);

}  // namespace hearth::cuda
