// Kernels that compare elements with one another.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void isin(OpCall&);    // x, what is looked through
void median(OpCall&);  // ArgAttrs with a dimension: x -> values, indices

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void isin(OpCall&);
[[gnu::weak]] void median(OpCall&);

}  // namespace hearth::cuda
