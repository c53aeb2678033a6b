// How kernels are laid over their work: sizes of grids, and positions in strided tensors.
#pragma once

#include "core/device/cuda/launch.h"
#include "core/device/cuda/runtime.h"
#include "core/kernels/cuda/number.cuh"
#include "core/op/op_call.h"

namespace hearth::cuda {

constexpr int kThreads = 256;

// A launch of one thread for each of n items, which the kernel walks by for_each_item. n > 0.
inline Launch over(const OpCall& c, int64_t n, int threads = kThreads) {
  return {.grid = blocks_for((n + threads - 1) / threads),
          .block = static_cast<unsigned>(threads),
          .stream = stream(c.device.index),
          .name = c.op.name};
}
// A launch of one block for each of n lines of `width` elements, with as many warps as the width wants. n > 0.
inline Launch blocks_over(const OpCall& c, int64_t n, int64_t width, int64_t most = kThreads) {
  const int64_t wanted = (width + 31) / 32 * 32;
  return {.grid = blocks_for(n),
          .block = static_cast<unsigned>(wanted < 32     ? 32
                                         : wanted < most ? wanted
                                                         : most),
          .stream = stream(c.device.index),
          .name = c.op.name};
}

// f(i) for each i < n that is this thread's.
template <class F>
HEARTH_DEVICE void for_each_item(int64_t n, F f) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}

// Sizes and strides of K tensors that are walked together, dimensions of size 1 dropped and neighbours merged.
template <int K>
struct Walk {
  int rank = 0;
  int64_t n = 1;
  int64_t size[kMaxRank];
  int64_t stride[K][kMaxRank];

  // Adds a dimension inside of those that are there.
  void add(int64_t s, const int64_t (&strides)[K]) {
    n *= s;
    if (s == 1) return;
    bool merge = rank > 0;
    for (int k = 0; merge && k < K; ++k) merge = stride[k][rank - 1] == strides[k] * s;
    if (merge) {
      size[rank - 1] *= s;
    } else {
      size[rank++] = s;
    }
    for (int k = 0; k < K; ++k) stride[k][rank - 1] = strides[k];
  }

  // The places of item i in the K tensors.
  HEARTH_DEVICE void place(int64_t i, int64_t (&at)[K]) const {
    for (int k = 0; k < K; ++k) at[k] = 0;
    if (n <= 0xffffffffll) {  // 64-bit divisions cost a GPU a multiple
      auto rest = static_cast<uint32_t>(i);
      for (int d = rank; d-- > 0;) {
        const auto s = static_cast<uint32_t>(size[d]), q = rest / s;
        const auto within = static_cast<int64_t>(rest - q * s);
        rest = q;
        for (int k = 0; k < K; ++k) at[k] += within * stride[k][d];
      }
    } else {
      int64_t rest = i;
      for (int d = rank; d-- > 0;) {
        const int64_t q = rest / size[d], within = rest - q * size[d];
        rest = q;
        for (int k = 0; k < K; ++k) at[k] += within * stride[k][d];
      }
    }
  }
};

// Notes that data hold a wrong index or, with a description, something else: the host hears of it when it next waits.
HEARTH_DEVICE void complain(Complaint* complaint, const char* op, int64_t value, int64_t limit,
                            Describe describe = nullptr) {
  if (atomicCAS(&complaint->state, 0, 1) != 0) return;
  complaint->op = op;
  complaint->value = value;
  complaint->limit = limit;
  complaint->describe = describe;
  __threadfence_system();
  atomicExch(&complaint->state, 2);
}

[[noreturn]] inline void no_cuda_kernel(const OpCall& c, DType t) {
  fail(ErrorKind::kUnsupported, c.op.name, ": there is no CUDA kernel for ", t);
}

}  // namespace hearth::cuda
