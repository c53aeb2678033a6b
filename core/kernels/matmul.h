// Kernels of the matrix product family. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void matmul(OpCall&);          // [..., m, k] x [..., k, n], leading dimensions broadcast
void linear(OpCall&);          // [..., in], [out, in], [out] or absent
void linear_weights(OpCall&);  // LinearWeightsAttrs: x, dy -> dweight, dbias

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void matmul(OpCall&);
[[gnu::weak]] void linear(OpCall&);
[[gnu::weak]] void linear_weights(OpCall&);

}  // namespace hearth::cuda
