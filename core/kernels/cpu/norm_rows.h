// The row loops of normalisations, compiled for each SIMD target.
#pragma once

#include <cstdint>

#include "core/tensor/dtype.h"

namespace hearth::cpu {

// A row is what shares its statistics.
template <class T>
struct NormRows {
  void (*layer)(const T* x, const T* w, const T* b, T* y, int64_t n, double eps, bool center, T* mean, T* rstd);
  // dx; adds to dw and db.
  void (*layer_grad)(const T* g, const T* x, const T* w, T mean, T rstd, T* dx, T* dw, T* db, int64_t n, bool center);
  // Mean and 1 / sqrt(var + eps) of a row.
  void (*statistics)(const T* x, int64_t n, double eps, T* mean, T* rstd);
  // y = (x - mean) a + b, of a part of a row.
  void (*line)(const T* x, T* y, int64_t n, T mean, T a, T b);
  // Sums of g and g (x - mean) rstd.
  void (*line_grad_sums)(const T* g, const T* x, int64_t n, T mean, T rstd, double* sum_g, double* sum_gx);
  // dx = a g - b - (x - mean) k
  void (*line_grad)(const T* g, const T* x, T* dx, int64_t n, T mean, T a, T b, T k);

  // Channels lie side by side: `rows` rows of c.
  // Adds each channel's sum, or its sum of squared distances from `mean`, to `out`.
  void (*sums)(const T* x, int64_t rows, int64_t c, const T* mean, double* out);
  // y = x a + b
  void (*scale)(const T* x, T* y, int64_t rows, int64_t c, const T* a, const T* b);
  // Adds each channel's sums of g and g (x - mean) rstd.
  void (*grad_sums)(const T* g, const T* x, int64_t rows, int64_t c, const T* mean, const T* rstd, double* sum_g,
                    double* sum_gx);
  // dx = a (g - b - (x - mean) k)
  void (*grad)(const T* g, const T* x, T* dx, int64_t rows, int64_t c, const T* a, const T* b, const T* mean,
               const T* k);
};

// The loops for a compute type, f64 or f32, for this processor.
template <class T>
const NormRows<T>& norm_rows();
template <>
const NormRows<float>& norm_rows();
template <>
const NormRows<double>& norm_rows();

// f(rows of the compute type, T{}): f64's, or f32's for f32, f16 and bf16.
template <class F>
void with_norm_rows(DType dtype, F f) {
  if (dtype == DType::kF64) f(norm_rows<double>(), double{});
  else f(norm_rows<float>(), float{});
}

}  // namespace hearth::cpu
