// The row loops of normalisations, compiled for each SIMD target.
#pragma once

#include <cstdint>

namespace hearth::cpu {

template <class T>
struct NormRows {
  void (*layer)(const T*, const T*, const T*, T*, int64_t, double, bool, T*, T*);
  void (*layer_grad)(const T*, const T*, const T*, T, T, T*, T*, T*, int64_t, bool);
  void (*sums)(const T*, int64_t, int64_t, const T*, double*);
  void (*scale)(const T*, T*, int64_t, int64_t, const T*, const T*);
  void (*grad_sums)(const T*, const T*, int64_t, int64_t, const T*, const T*, double*, double*);
  void (*grad)(const T*, const T*, T*, int64_t, int64_t, const T*, const T*, const T*, const T*);
};

}  // namespace hearth::cpu
