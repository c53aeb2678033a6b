// Products of matrices of integers, which cuBLASLt does not make: each thread sums one element of the result, modulo
// 2^64, from tiles of both operands in shared memory.
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/product.h"

namespace hearth::cuda {
namespace {

constexpr int kTile = 16;

HEARTH_KERNEL void whole_kernel(DType type, Product p, int64_t across, int64_t tiles) {
  HEARTH_SHARED(int64_t, of_a, [kTile][kTile]);
  HEARTH_SHARED(int64_t, of_b, [kTile][kTile + 1]);
  const auto x = static_cast<int64_t>(threadIdx.x), y = static_cast<int64_t>(threadIdx.y);
  for (int64_t t = blockIdx.x; t < tiles * p.count; t += gridDim.x) {
    const int64_t batch = t / tiles, i = t % tiles / across * kTile + y, j = t % tiles % across * kTile + x;
    uint64_t sum = 0;
    for (int64_t k0 = 0; k0 < p.k; k0 += kTile) {
      of_a[y][x] = i < p.m && k0 + x < p.k
                       ? read<int64_t>(type, p.a.data, batch * p.a.batch + i * p.a.row + (k0 + x) * p.a.column)
                       : 0;
      of_b[y][x] = j < p.n && k0 + y < p.k
                       ? read<int64_t>(type, p.b.data, batch * p.b.batch + (k0 + y) * p.b.row + j * p.b.column)
                       : 0;
      __syncthreads();
      for (int k = 0; k < kTile; ++k) sum += static_cast<uint64_t>(of_a[y][k]) * static_cast<uint64_t>(of_b[k][x]);
      __syncthreads();
    }
    if (i >= p.m || j >= p.n) continue;
    if (p.bias) sum += static_cast<uint64_t>(read<int64_t>(type, p.bias, j));
    write<int64_t>(type, p.out, batch * p.out_batch + i * p.n + j, static_cast<int64_t>(sum));
  }
}

}  // namespace

void multiply_whole(const OpCall& c, const Product& p) {
  const int64_t across = (p.n + kTile - 1) / kTile, tiles = (p.m + kTile - 1) / kTile * across;
  launch({.grid = blocks_for(tiles * p.count),
          .block = dim3(kTile, kTile),
          .stream = stream(c.device.index),
          .name = c.op.name},
         whole_kernel, c.dtype, p, across, tiles);
}

}  // namespace hearth::cuda
