#include "core/kernels/cpu/pointwise_complex.h"
#include "core/kernels/pointwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/pointwise_special.cc"
#include <hwy/foreach_target.h>
#undef HEARTH_FAMILY_OPS
#undef HEARTH_FAMILY_TABLE
#define HEARTH_FAMILY_TABLE special_table
#define HEARTH_FAMILY_OPS HEARTH_SPECIAL_OPS
#include "core/kernels/cpu/pointwise-inl.h"

#if HWY_ONCE
namespace hearth::cpu {
namespace {
HWY_EXPORT(special_table);
enum Index {
#define HEARTH_INDEX(name, functor, n, types) k_##name,
  HEARTH_SPECIAL_OPS(HEARTH_INDEX)
};
}  // namespace
#define HEARTH_KERNEL(name, functor, n, types)                                                      \
  void name(OpCall& c) {                                                                            \
    HEARTH_COMPLEX_##types(name) run_pointwise(c, HWY_DYNAMIC_DISPATCH(special_table)()[k_##name]); \
  }
HEARTH_SPECIAL_OPS(HEARTH_KERNEL)
}  // namespace hearth::cpu
#endif
