// Matrix products over raw memory.
#pragma once

#include <cstdint>

#include "core/kernels/cpu/packed.h"
#include "core/tensor/dtype.h"

namespace hearth::cpu {

// C[i] = A[i] B[i] (+ bias) for i < batch, or C[i] += A[i] B[i] (+ bias). A is m x k, B is k x n, C is m x n. Strides
// are in elements; those of A and B may be anything, also 0; the columns of C lie side by side. All dtypes but bool; A,
// B, C and bias share it.
//
// f16 and bf16 products are summed in f32 and rounded once; integers wrap around. k = 0 gives the bias or zeros.
// The work is cut by shape alone and each piece is computed by one thread: same bits at any thread width.
struct Gemm {
  DType dtype = DType::kF32;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  const void* a = nullptr;
  int64_t a_batch = 0, a_row = 0, a_col = 1;
  const void* b = nullptr;
  int64_t b_batch = 0, b_row = 0, b_col = 1;
  void* c = nullptr;
  int64_t c_batch = 0, c_row = 0;
  const void* bias = nullptr;  // n values, side by side
  bool accumulate = false;
  PackedSlot packed;  // for B; used if batch is 1
};

void gemm(const Gemm& g);

namespace gemm_detail {
// Products that cost less than a library's call; f32 and f64 only. See gemm_small.cc.
bool small_gemm_fits(int64_t m, int64_t n, int64_t k);
void small_gemm(const Gemm& g);  // the first of the batch, by one thread
// m = 1 and B with one unit stride, any floating-point dtype: limited by memory, in parallel. See gemv.cc.
void gemv(const Gemm& g);
// Any dtype by plain loops in the dtype's own arithmetic, one thread.
void integer_gemm(const Gemm& g);
}  // namespace gemm_detail

}  // namespace hearth::cpu
