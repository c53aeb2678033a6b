// Kernels of searching. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void searchsorted(OpCall&);  // SearchsortedAttrs: rising numbers, what is looked for -> places

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void searchsorted(OpCall&);

}  // namespace hearth::cuda
