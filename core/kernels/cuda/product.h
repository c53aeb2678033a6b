// Products of matrices: of floats by cuBLASLt.
#pragma once

#include <cstdint>

#include "core/op/op_call.h"

namespace hearth::cuda {

// A matrix in memory, or many of them `batch` apart. One of its strides is 1.
struct Matrix {
  const void* data;
  int64_t row, column, batch = 0;
};

// out[m, n] = a[m, k] b[k, n] + bias[n], row-major, `count` times. All of one float dtype, c.dtype; halves are summed
// in f32. bias may be null. m, n, k and count are above 0.
struct Product {
  int64_t m, n, k, count = 1;
  Matrix a, b;
  void* out;
  int64_t out_batch = 0;
  const void* bias = nullptr;
  bool add = false;  // to what is in `out`
};
void multiply(const OpCall& c, const Product& p);
// The same in another float dtype than c.dtype.
void multiply(const OpCall& c, DType dtype, const Product& p);
// Of integers, in product_whole.cu.
void multiply_whole(const OpCall& c, const Product& p);

// Whether matrices of f32 may be multiplied in TF32: see core/device/matmul_precision.h.
bool tf32_allowed();

}  // namespace hearth::cuda
