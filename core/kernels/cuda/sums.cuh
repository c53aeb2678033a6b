// Two sums at once over many elements for each of many results, such as a channel's sum of gradients and of gradients
// times values. What is summed is a functor's: f(result, element, places) gives two numbers.
//
// As with reductions (reduce.cu) a block makes one result, or 32 that lie side by side, and few results of many
// elements are cut into parts, whose sums a second launch adds up.
#pragma once

#include <algorithm>

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/grid.cuh"

namespace hearth::cuda {

template <class T>
struct Two {
  T a, b;
};

// Sums of a part of the elements of result o: out[(part * 2 + which) * results + o].
template <class T, class F, int K>
HEARTH_KERNEL void two_sums_rows(F f, Walk<K> kept, Walk<K> gone, int64_t parts, T* out) {
  const int64_t each = (gone.n + parts - 1) / parts;
  for (int64_t block = blockIdx.x; block < kept.n * parts; block += gridDim.x) {
    const int64_t o = block / parts, part = block % parts,
                  end = (part + 1) * each < gone.n ? (part + 1) * each : gone.n;
    int64_t first[K], at[K];
    kept.place(o, first);
    T a = 0, b = 0;
    for (int64_t i = part * each + threadIdx.x; i < end; i += blockDim.x) {
      gone.place(i, at);
      for (int k = 0; k < K; ++k) at[k] += first[k];
      const Two<T> v = f(o, i, at);
      a += v.a;
      b += v.b;
    }
    a = block_reduce<Sum>(a);
    b = block_reduce<Sum>(b);
    if (threadIdx.x == 0) {
      out[part * 2 * kept.n + o] = a;
      out[(part * 2 + 1) * kept.n + o] = b;
    }
  }
}

constexpr int kSumColumns = 32, kSumRows = 8;

template <class T, class F, int K>
HEARTH_KERNEL void two_sums_columns(F f, Walk<K> kept, Walk<K> gone, int64_t parts, T* out) {
  HEARTH_SHARED(T, of_a, [kSumRows][kSumColumns]);
  HEARTH_SHARED(T, of_b, [kSumRows][kSumColumns]);
  const int64_t each = (gone.n + parts - 1) / parts, groups = (kept.n + kSumColumns - 1) / kSumColumns;
  for (int64_t block = blockIdx.x; block < groups * parts; block += gridDim.x) {
    const int64_t o = block / parts * kSumColumns + threadIdx.x, part = block % parts,
                  end = (part + 1) * each < gone.n ? (part + 1) * each : gone.n;
    T a = 0, b = 0;
    if (o < kept.n) {
      int64_t first[K], at[K];
      kept.place(o, first);
      for (int64_t i = part * each + threadIdx.y; i < end; i += kSumRows) {
        gone.place(i, at);
        for (int k = 0; k < K; ++k) at[k] += first[k];
        const Two<T> v = f(o, i, at);
        a += v.a;
        b += v.b;
      }
    }
    of_a[threadIdx.y][threadIdx.x] = a;
    of_b[threadIdx.y][threadIdx.x] = b;
    __syncthreads();
    if (threadIdx.y == 0 && o < kept.n) {
      for (int k = 1; k < kSumRows; ++k) {
        a += of_a[k][threadIdx.x];
        b += of_b[k][threadIdx.x];
      }
      out[part * 2 * kept.n + o] = a;
      out[(part * 2 + 1) * kept.n + o] = b;
    }
    __syncthreads();
  }
}

template <class T>
HEARTH_KERNEL void add_parts(T* sums, int64_t n, int64_t parts) {
  for_each_item(n, [&](int64_t i) {
    T sum = 0;
    for (int64_t p = 0; p < parts; ++p) sum += sums[p * n + i];
    sums[i] = sum;
  });
}

// T [2, kept.n]. f's first walk is over what is read most. kept.n > 0.
template <class T, class F, int K>
Tensor two_sums(const OpCall& c, F f, const Walk<K>& kept, const Walk<K>& gone) {
#if HEARTH_CUDA_EMULATED
  constexpr int64_t kPart = 64, kEnoughBlocks = 12;
#else
  constexpr int64_t kPart = 2048, kEnoughBlocks = 1024;
#endif
  const bool columns = kept.rank > 0 && kept.stride[0][kept.rank - 1] == 1 && kept.size[kept.rank - 1] >= 16 &&
                       gone.n > 1 && !(gone.rank > 0 && gone.stride[0][gone.rank - 1] == 1);
  const int64_t blocks = columns ? (kept.n + kSumColumns - 1) / kSumColumns : kept.n;
  // A block of columns has kSumRows threads for each of them, not a whole block of threads.
  const int64_t least = columns ? kPart / 16 : kPart;
  const int64_t parts = std::max<int64_t>(std::min(gone.n / least, kEnoughBlocks / blocks), 1);
  const Tensor sums = hearth::detail::empty({parts * 2, kept.n}, dtype_of<T>, c.device);
  auto* const out = static_cast<T*>(sums.impl()->data());
  if (columns) {
    launch({.grid = blocks_for(blocks * parts),
            .block = dim3(kSumColumns, kSumRows),
            .stream = stream(c.device.index),
            .name = c.op.name},
           two_sums_columns<T, F, K>, f, kept, gone, parts, out);
  } else {
    launch(blocks_over(c, blocks * parts, (gone.n + parts - 1) / parts), two_sums_rows<T, F, K>, f, kept, gone, parts,
           out);
  }
  if (parts > 1) launch(over(c, 2 * kept.n), add_parts<T>, out, 2 * kept.n, parts);
  return sums;
}

}  // namespace hearth::cuda
