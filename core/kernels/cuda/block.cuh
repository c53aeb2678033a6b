// Reductions over a warp and over a block. A block that calls them is a line of threads, a multiple of 32.
#pragma once

#include <limits>

#include "core/device/cuda/launch.h"
#include "core/kernels/cuda/number.cuh"

namespace hearth::cuda {

constexpr unsigned kAllLanes = 0xffffffffu;

struct Sum {
  template <class T>
  HEARTH_DEVICE T operator()(T a, T b) const {
    return (Num<T>(a) + Num<T>(b)).v;
  }
  template <class T>
  static constexpr T none = 0;
};
struct Prod {
  template <class T>
  HEARTH_DEVICE T operator()(T a, T b) const {
    return (Num<T>(a) * Num<T>(b)).v;
  }
  template <class T>
  static constexpr T none = 1;
};
// NaN wins, and of equals the first.
struct Max {
  template <class T>
  HEARTH_DEVICE T operator()(T a, T b) const {
    return a != a ? a : b != b ? b : a >= b ? a : b;
  }
  template <class T>
  static constexpr T none = std::is_integral_v<T> ? std::numeric_limits<T>::min() : -std::numeric_limits<T>::infinity();
};
struct Min {
  template <class T>
  HEARTH_DEVICE T operator()(T a, T b) const {
    return a != a ? a : b != b ? b : a <= b ? a : b;
  }
  template <class T>
  static constexpr T none = std::is_integral_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::infinity();
};

template <class R, class T>
HEARTH_DEVICE T warp_reduce(T v) {
  for (int lanes = 16; lanes > 0; lanes /= 2) v = R()(v, __shfl_xor_sync(kAllLanes, v, lanes));
  return v;
}

// The reduction of every thread's v, in every thread.
template <class R, class T>
HEARTH_DEVICE T block_reduce(T v) {
  HEARTH_SHARED(T, of_warps, [32]);
  const int warp = static_cast<int>(threadIdx.x) / 32, warps = static_cast<int>(blockDim.x) / 32;
  v = warp_reduce<R>(v);
  if (warps == 1) return v;
  __syncthreads();  // of_warps may still be read from the call before
  if (threadIdx.x % 32 == 0) of_warps[warp] = v;
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return warp_reduce<R>(lane < warps ? of_warps[lane] : R::template none<T>);
}

// Running values of a block's threads: `v` becomes join(v of the first thread, ..., v of this one). `carry` goes before
// all and becomes the last thread's. A State has up(lanes), which shuffles.
template <class State, class Join>
HEARTH_DEVICE State block_scan(State v, State& carry, bool& any, Join join) {
  HEARTH_SHARED(State, of_warps, [32]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32,
            warps = static_cast<int>(blockDim.x) / 32;
  for (int by = 1; by < 32; by *= 2) {
    const State before = v.up(static_cast<unsigned>(by));
    if (lane >= by) v = join(before, v);
  }
  __syncthreads();
  if (lane == 31) of_warps[warp] = v;
  __syncthreads();
  State before = carry;
  bool some = any;
  State all = carry;
  for (int w = 0; w < warps; ++w) {
    if (w == warp) before = all;
    all = some || w > 0 ? join(all, of_warps[w]) : of_warps[w];
  }
  if (some || warp > 0) v = join(before, v);
  carry = all;
  any = true;
  return v;
}

template <class T>
struct Total {
  T v;
  HEARTH_DEVICE Total up(unsigned by) const { return {__shfl_up_sync(kAllLanes, v, by)}; }
};

}  // namespace hearth::cuda
