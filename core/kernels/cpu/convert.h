// Converts arrays between dtypes, as hearth::convert does for one value.
#pragma once

#include <cstdint>

#include "core/tensor/dtype.h"

namespace hearth::cpu {

using ConvertFn = void (*)(const void* from, void* to, int64_t n);

// Never null; equal dtypes copy. The arrays must not overlap, except that they may be the same if the sizes are equal.
ConvertFn convert_fn(DType from, DType to);

// Copies past the caches; for results that are larger than they are.
void stream_copy(void* to, const void* from, int64_t bytes);

}  // namespace hearth::cpu
