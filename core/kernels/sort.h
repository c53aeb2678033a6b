// Kernels of sorting along one dimension. Any strides. Equal elements keep their order; NaN is greater than every
// number.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void sort(OpCall&);  // SortAttrs: x -> values, indices
void topk(OpCall&);  // TopkAttrs: x -> values, indices

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void sort(OpCall&);
[[gnu::weak]] void topk(OpCall&);

}  // namespace hearth::cuda
