// Kernels of scattering with products and extremes. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void scatter_reduce(OpCall&);  // ScatterReduceAttrs: x, index, source of the index's shape

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void scatter_reduce(OpCall&);

}  // namespace hearth::cuda
