// CPU kernels of the convolution records (ConvAttrs).
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void conv2d(OpCall&);          // x, weight, bias or absent -> y
void conv2d_data(OpCall&);     // dy, weight -> dx
void conv2d_weights(OpCall&);  // x, dy -> dweight, dbias

}  // namespace hearth::cpu
