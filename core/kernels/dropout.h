// Kernels of dropout (DropoutAttrs). Any strides; f16 and bf16 are scaled in f32 and rounded once.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void dropout(OpCall&);       // x -> y, the elements kept (bool). Draws a number for each element in row-major order
void dropout_grad(OpCall&);  // dy, the elements kept -> dx

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void dropout(OpCall&);
[[gnu::weak]] void dropout_grad(OpCall&);

}  // namespace hearth::cuda
