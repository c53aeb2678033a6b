// Kernels of crops and paddings: x -> y. Images of any dtype and strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::vision::cpu {

void crop(OpCall&);         // CropAttrs
void center_crop(OpCall&);  // CenterCropAttrs
void pad(OpCall&);          // PadAttrs
void pad_grad(OpCall&);     // PadAttrs: the gradient of y -> that of x; f16 and bf16 are summed in f32

}  // namespace hearth::vision::cpu

namespace hearth::vision::cuda {

[[gnu::weak]] void crop(OpCall&);
[[gnu::weak]] void center_crop(OpCall&);
[[gnu::weak]] void pad(OpCall&);
[[gnu::weak]] void pad_grad(OpCall&);

}  // namespace hearth::vision::cuda
