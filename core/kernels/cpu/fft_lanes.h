// Fourier transforms of a register's lanes at once: lane l of every register belongs to transform l.
//
// A block holds `lanes` transforms of n numbers: n registers of real parts, then n of imaginary parts. All blocks are
// aligned to 64 bytes.
#pragma once

#include <cstdint>

#include "core/kernels/cpu/fft_plan.h"

namespace hearth::cpu {

template <class T>
struct FftLanes {
  int64_t lanes;
  // Transforms block `a`; the result is in the block that is returned, a or b. Both hold max(n, padded) numbers.
  T* (*transform)(const FftPlan<T>& plan, T* a, T* b);
  // `count` registers of pairs, which lie `stride` numbers apart in memory, into real parts and imaginary parts; and
  // back, times `factor`.
  void (*split)(const T* pairs, int64_t stride, T* re, T* im, int64_t count);
  void (*join)(const T* re, const T* im, T* pairs, int64_t stride, int64_t count, T factor);
  // The same of `lanes` rows of n pairs, which lie `row` numbers apart: row l is lane l.
  void (*load_rows)(const T* rows, int64_t row, int64_t n, T* re, T* im);
  void (*store_rows)(const T* re, const T* im, T* rows, int64_t row, int64_t n, T factor);
  // From the transform Z of h pairs of real numbers (a block) the transform of the 2 h real numbers: h + 1 registers of
  // real and of imaginary parts. w: fft_real_twiddles(2 h).
  void (*untangle)(const T* z, const T* w, T* re, T* im, int64_t h);
  // The other way: from h + 1 registers of each a block of h, with real and imaginary parts exchanged, whose forward
  // transform is the inverse transform, exchanged too. The imaginary parts of the first and last number do not count.
  void (*tangle)(const T* re, const T* im, const T* w, T* block, int64_t h);
  // Times w^(k (first + lane)), k < n1: the twiddles between the two halves of a long transform.
  void (*twist)(const FftPlan<T>& plan, T* block, int64_t first);
};

// Of the CPU's best instruction set.
template <class T>
const FftLanes<T>& fft_lanes();

}  // namespace hearth::cpu
