// The row loops of reductions that need more than one running number, compiled for each SIMD target.
#pragma once

#include <cstdint>

namespace hearth::cpu {

// Of some numbers: their greatest, and the sum of exp(x - top). 1 where top is infinity or NaN.
struct LogSum {
  double top, sum;
};

// Of some numbers: how many, their mean, and the sum of the squared deviations from it.
struct Moments {
  double count, mean, squares;
};

template <class T>
struct LineReduceRows {
  // Of n numbers, at least one.
  LogSum (*log_sum)(const T* x, int64_t n);
  Moments (*moments)(const T* x, int64_t n);
};

}  // namespace hearth::cpu
