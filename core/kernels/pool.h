// Kernels of pooling over the last two dimensions of [n, c, h, w] (PoolAttrs). Any strides; f16 and bf16 are computed
// in f32.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void max_pool2d(OpCall&);       // x -> y, places
void max_pool2d_grad(OpCall&);  // dy, places -> dx
void avg_pool2d(OpCall&);       // x -> y
void avg_pool2d_grad(OpCall&);  // dy -> dx

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void max_pool2d(OpCall&);
[[gnu::weak]] void max_pool2d_grad(OpCall&);
[[gnu::weak]] void avg_pool2d(OpCall&);
[[gnu::weak]] void avg_pool2d_grad(OpCall&);

}  // namespace hearth::cuda
