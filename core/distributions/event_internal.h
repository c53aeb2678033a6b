// Sums over the elements of events.
#pragma once

#include "core/ops/reduce.h"

namespace hearth::distributions {

// x summed over its last `dims` dimensions.
inline Tensor sum_of_last(const Tensor& x, int dims) {
  if (dims == 0) return x;
  Dims last;
  for (int d = 1; d <= dims; ++d) last.push_back(-d);
  return sum(x, last);
}

}  // namespace hearth::distributions
