// Kernels of resizing, all with ResizeAttrs: x -> y, and the gradient of y -> that of x. Images of any strides; f16 and
// bf16 are computed in f32 and rounded once.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::vision::cpu {

void resize(OpCall&);  // bilinear and bicubic; u8 too
void resize_grad(OpCall&);
void resize_nearest(OpCall&);
void resize_nearest_grad(OpCall&);

}  // namespace hearth::vision::cpu

namespace hearth::vision::cuda {

[[gnu::weak]] void resize(OpCall&);
[[gnu::weak]] void resize_grad(OpCall&);
[[gnu::weak]] void resize_nearest(OpCall&);
[[gnu::weak]] void resize_nearest_grad(OpCall&);

}  // namespace hearth::vision::cuda
