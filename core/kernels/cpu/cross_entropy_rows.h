// The row loops of cross entropy, compiled for each SIMD target.
#pragma once

#include <cstdint>

namespace hearth::cpu {

template <class T>
struct CrossEntropyRows {
  // The largest of n numbers, and the logarithm of the sum of exp(x - largest).
  void (*log_sum_exp)(const T* x, int64_t n, T* top, T* log_total);
  // dx = exp(x - top - log_total) * scale. dx may be x.
  void (*scaled_softmax)(const T* x, int64_t n, T top, T log_total, T scale, T* dx);
};

}  // namespace hearth::cpu
