// The row loops of softmax, compiled for each SIMD target.
#pragma once

#include <cstdint>

namespace hearth::cpu {

template <class T>
struct SoftmaxRows {
  // x, y, n; y may be x.
  void (*softmax)(const T*, T*, int64_t);
  void (*log_softmax)(const T*, T*, int64_t);
};

}  // namespace hearth::cpu
