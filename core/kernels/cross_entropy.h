// Kernels of cross entropy over dimension 1 (CrossEntropyAttrs). Any strides; f16 and bf16 are computed in f32. What is
// kept for each target is f32, or f64 for f64.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cross_entropy(OpCall&);       // x, target, weight or absent -> loss, scale, top, log_total
void cross_entropy_grad(OpCall&);  // dloss, x, target, weight or absent, top, log_total -> dx

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void cross_entropy(OpCall&);
[[gnu::weak]] void cross_entropy_grad(OpCall&);

}  // namespace hearth::cuda
