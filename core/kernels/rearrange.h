// Kernels that move elements by a fixed rule.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void flip(OpCall&);  // PermuteAttrs: the dimensions

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void flip(OpCall&);

}  // namespace hearth::cuda
