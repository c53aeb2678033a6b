// The functors of elementwise ops over registers of a SIMD target. Included again for each target.
#if defined(HEARTH_KERNELS_CPU_FUNCTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_FUNCTORS_INL_H_
#undef HEARTH_KERNELS_CPU_FUNCTORS_INL_H_
#else
#define HEARTH_KERNELS_CPU_FUNCTORS_INL_H_
#endif

#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

#define HEARTH_FUNCTOR_INLINE HWY_INLINE
#include "core/kernels/pointwise_functors.h"
#undef HEARTH_FUNCTOR_INLINE

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
