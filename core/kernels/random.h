// Kernels that fill a tensor with random numbers.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void random(OpCall&);  // RandomAttrs; draws from the generator of the call

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void random(OpCall&);

}  // namespace hearth::cuda
