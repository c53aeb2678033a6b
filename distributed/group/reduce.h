// Arithmetic of reductions over dense CPU memory.
#pragma once

#include <cstdint>

#include "distributed/group/call.h"

namespace hearth::distributed {

/// to[i] = a[i] op b[i] for n elements of the dtype; an average adds. `to` may be `a` or `b`. f16 and bf16 are computed
/// in f32 and rounded to nearest even.
void reduce_into(void* to, const void* a, const void* b, int64_t n, DType dtype, ReduceOp op);

/// p[i] /= by, for floating-point dtypes: computed in f32 or f64 and rounded once.
void divide(void* p, int64_t n, DType dtype, int by);

}  // namespace hearth::distributed
