#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/linalg.h"
#include "core/op/attrs/linalg.h"

namespace hearth::cuda {
namespace {

// LAPACK's pivots say by turns which row was changed with which. A block for each matrix; the changes are one thread's.
// The walk: result, pivots, without their last dimensions.
HEARTH_KERNEL void permutation_kernel(Walk<2> walk, const int32_t* pivots, int64_t pivot_step, int64_t count,
                                      bool inverse, int64_t* rows, int64_t row_step, int64_t n, Complaint* complaint,
                                      const char* op) {
  for (int64_t b = blockIdx.x; b < walk.n; b += gridDim.x) {
    int64_t at[2];
    walk.place(b, at);
    int64_t* const of = rows + at[0];
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) of[i * row_step] = i;
    __syncthreads();
    if (threadIdx.x != 0) continue;
    for (int64_t k = 0; k < count; ++k) {
      // The inverse is made of the same changes in the opposite order.
      const int64_t i = inverse ? count - 1 - k : k, other = pivots[at[1] + i * pivot_step] - int64_t{1};
      if (other < 0 || other >= n) {
        complain(complaint, op, other, n);
        continue;
      }
      const int64_t moved = of[i * row_step];
      of[i * row_step] = of[other * row_step];
      of[other * row_step] = moved;
    }
  }
}

}  // namespace

void linalg_permutation(OpCall& c) {
  const auto& a = c.attrs_as<PermutationAttrs>();
  const Tensor &pivots = c.input(0), &rows = c.out[0];
  if (rows.numel() == 0) return;
  Walk<2> walk;
  for (int d = 0; d + 1 < rows.dim(); ++d) walk.add(rows.shape()[d], {rows.strides()[d], pivots.strides()[d]});
  launch(blocks_over(c, walk.n, a.size), permutation_kernel, walk, static_cast<const int32_t*>(pivots.impl()->data()),
         pivots.strides().back(), pivots.shape().back(), a.inverse, static_cast<int64_t*>(rows.impl()->data()),
         rows.strides().back(), a.size, complaint(c.device.index), c.op.name);
}

}  // namespace hearth::cuda
