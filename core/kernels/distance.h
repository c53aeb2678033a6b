// Kernels of distances. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void cdist(OpCall&);  // CdistAttrs: [b, p, m], [b, r, m] -> [b, p, r]

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void cdist(OpCall&);

}  // namespace hearth::cuda
