// Kernels of convolution over the last two dimensions of [n, c, h, w] (ConvAttrs). Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void conv2d(OpCall&);          // x, weight, bias or absent -> y
void conv2d_data(OpCall&);     // dy, weight -> dx
void conv2d_weights(OpCall&);  // x, dy -> dweight, dbias

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void conv2d(OpCall&);
[[gnu::weak]] void conv2d_data(OpCall&);
[[gnu::weak]] void conv2d_weights(OpCall&);

}  // namespace hearth::cuda
