// Kernels of running extremes along one dimension. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cummax(OpCall&);  // DimAttrs: x -> values, indices
void cummin(OpCall&);  // DimAttrs: x -> values, indices

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void cummax(OpCall&);
[[gnu::weak]] void cummin(OpCall&);

}  // namespace hearth::cuda
