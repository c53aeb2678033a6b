// The CPU kernels of elementwise ops, one for each name in the lists of pointwise_functors.h.
#pragma once

#define HEARTH_POINTWISE_LISTS_ONLY
#include "core/kernels/pointwise_functors.h"
#undef HEARTH_POINTWISE_LISTS_ONLY

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {
#define HEARTH_DECLARE_KERNEL(name, functor, operands, types) void name(OpCall&);
HEARTH_ARITHMETIC_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_COMPARE_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_MATH_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_ACTIVATION_OPS(HEARTH_DECLARE_KERNEL)
#undef HEARTH_DECLARE_KERNEL
}  // namespace hearth::cpu
