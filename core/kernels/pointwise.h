// The kernels of elementwise ops, one for each name in pointwise_lists.h.
#pragma once

#include "core/kernels/pointwise_lists.h"

namespace hearth {
struct OpCall;
}

#define HEARTH_DECLARE_KERNEL(name, functor, operands, types) void name(OpCall&);
#define HEARTH_DECLARE_WEAK_KERNEL(name, functor, operands, types) [[gnu::weak]] void name(OpCall&);

namespace hearth::cpu {

HEARTH_ARITHMETIC_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_COMPARE_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_MATH_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_ACTIVATION_OPS(HEARTH_DECLARE_KERNEL)
HEARTH_COMPLEX_OPS(HEARTH_DECLARE_KERNEL)

}  // namespace hearth::cpu

namespace hearth::cuda {

HEARTH_ARITHMETIC_OPS(HEARTH_DECLARE_WEAK_KERNEL)
HEARTH_COMPARE_OPS(HEARTH_DECLARE_WEAK_KERNEL)
HEARTH_MATH_OPS(HEARTH_DECLARE_WEAK_KERNEL)
HEARTH_ACTIVATION_OPS(HEARTH_DECLARE_WEAK_KERNEL)
HEARTH_COMPLEX_OPS(HEARTH_DECLARE_WEAK_KERNEL)

}  // namespace hearth::cuda

#undef HEARTH_DECLARE_KERNEL
#undef HEARTH_DECLARE_WEAK_KERNEL
