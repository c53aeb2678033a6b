// Products of tiles in shared memory, and other sums over pairs of rows and columns. Sums stay in the registers of the
// block's threads; how they are spread over the threads only this header knows, so that tensor-core instructions can
// take its place for the types that have them.
#pragma once

#include "core/device/cuda/launch.h"
#include "core/kernels/cuda/number.cuh"

namespace hearth::cuda {

// Before a loop over a thread's part of a tile: it stays in registers only if every index is known.
#if defined(__CUDACC__)
#define HEARTH_UNROLL _Pragma("unroll")
#else
#define HEARTH_UNROLL
#endif

HEARTH_DEVICE float multiply_add(float a, float b, float c) { return ::fmaf(a, b, c); }
HEARTH_DEVICE double multiply_add(double a, double b, double c) { return ::fma(a, b, c); }

// A tile of kSide * kDown rows and kSide * kAcross columns, held by a block of kSide * kSide threads.
template <class T, int kSide, int kDown, int kAcross>
struct TileSum {
  static constexpr int kRows = kSide * kDown, kColumns = kSide * kAcross;
  T v[kDown][kAcross];

  HEARTH_DEVICE void clear() {
    HEARTH_UNROLL
    for (int i = 0; i < kDown; ++i) {
      HEARTH_UNROLL
      for (int j = 0; j < kAcross; ++j) v[i][j] = T(0);
    }
  }

  // f(row, column, value) for this thread's part.
  template <class F>
  HEARTH_DEVICE void each(F f) {
    const int y = static_cast<int>(threadIdx.x) / kSide, x = static_cast<int>(threadIdx.x) % kSide;
    HEARTH_UNROLL
    for (int i = 0; i < kDown; ++i) {
      HEARTH_UNROLL
      for (int j = 0; j < kAcross; ++j) f(y + i * kSide, x + j * kSide, v[i][j]);
    }
  }

  // f(row, column, value, value of another sum) for this thread's part.
  template <class F>
  HEARTH_DEVICE void each(TileSum& other, F f) {
    const int y = static_cast<int>(threadIdx.x) / kSide, x = static_cast<int>(threadIdx.x) % kSide;
    HEARTH_UNROLL
    for (int i = 0; i < kDown; ++i) {
      HEARTH_UNROLL
      for (int j = 0; j < kAcross; ++j) f(y + i * kSide, x + j * kSide, v[i][j], other.v[i][j]);
    }
  }

  // Adds a b, where element (row, k) of a lies at a[row * a_row + k * a_step] and element (k, column) of b at
  // b[k * b_step + column * b_column].
  HEARTH_DEVICE void add_product(int depth, const T* a, int a_row, int a_step, const T* b, int b_step, int b_column) {
    add_pairs(depth, a, a_row, a_step, b, b_step, b_column,
              [](T sum, T left, T right) { return multiply_add(left, right, sum); });
  }

  // sum = add(sum, an element of a, one of b) for each k, of which there are `depth`.
  template <class F>
  HEARTH_DEVICE void add_pairs(int depth, const T* a, int a_row, int a_step, const T* b, int b_step, int b_column,
                               F add) {
    a += static_cast<int>(threadIdx.x) / kSide * a_row;
    b += static_cast<int>(threadIdx.x) % kSide * b_column;
    for (int k = 0; k < depth; ++k, a += a_step, b += b_step) {
      T left[kDown];
      HEARTH_UNROLL
      for (int i = 0; i < kDown; ++i) left[i] = a[i * kSide * a_row];
      HEARTH_UNROLL
      for (int j = 0; j < kAcross; ++j) {
        const T right = b[j * kSide * b_column];
        HEARTH_UNROLL
        for (int i = 0; i < kDown; ++i) v[i][j] = add(v[i][j], left[i], right);
      }
    }
  }
};

}  // namespace hearth::cuda
