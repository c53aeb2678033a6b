// Kernels of softmax. Any strides; f16 and bf16 are computed in f32 and rounded once.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void softmax(OpCall&);       // DimAttrs
void log_softmax(OpCall&);   // DimAttrs
void safe_softmax(OpCall&);  // DimAttrs: rows of nothing but -infinity give 0

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void softmax(OpCall&);
[[gnu::weak]] void log_softmax(OpCall&);
[[gnu::weak]] void safe_softmax(OpCall&);

}  // namespace hearth::cuda
