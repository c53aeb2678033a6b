// The ends of what samples of a dtype may be.
#pragma once

#include <limits>

#include "core/tensor/dtype.h"

namespace hearth::distributions {

// The smallest normal number above 0.
inline double smallest(DType t) {
  switch (t) {
    case DType::kF64:
      return std::numeric_limits<double>::min();
    case DType::kF16:
      return 0x1p-14;
    default:
      return std::numeric_limits<float>::min();
  }
}

// The last number before 1.
inline double below_one(DType t) {
  switch (t) {
    case DType::kF64:
      return 1 - 0x1p-53;
    case DType::kF32:
      return 1 - 0x1p-24;
    case DType::kF16:
      return 1 - 0x1p-11;
    default:
      return 1 - 0x1p-8;
  }
}

}  // namespace hearth::distributions
