// The functors of elementwise ops over a number.
#pragma once

#include "core/kernels/cuda/number.cuh"

namespace hearth::cuda {

#define HEARTH_FUNCTOR_INLINE HEARTH_DEVICE
#include "core/kernels/pointwise_functors.h"
#undef HEARTH_FUNCTOR_INLINE

}  // namespace hearth::cuda
