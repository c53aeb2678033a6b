// Kernels of running sums.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cumsum(OpCall&);  // DimAttrs

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void cumsum(OpCall&);

}  // namespace hearth::cuda
