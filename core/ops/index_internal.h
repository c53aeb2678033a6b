// What index.cc and indexing.cc share.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::detail {

// An i64 index along dimension d of size n in which negative numbers are replaced by the places they mean, counted from
// the end. Throws Error naming `op` where one is out of range.
Tensor counted_from_start(const char* op, const Tensor& index, int d, int64_t n);

}  // namespace hearth::detail
