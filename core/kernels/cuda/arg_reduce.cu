// Reductions that tell where the result is: a block for each, which keeps the first of equal elements.
#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/reduce.h"
#include "core/op/attrs/reduce.h"

namespace hearth::cuda {
namespace {

struct ArgReduction {
  Walk<3> kept;  // operand, values, places
  Walk<1> gone;
  const void* x;
  void* values;  // null where only places are wanted
  void* places;
  DType type;
};

template <class T>
struct Best {
  T v;
  int64_t at;  // -1: none
};

// NaN goes before all numbers.
template <bool kLargest, class T>
HEARTH_DEVICE Best<T> better(Best<T> a, Best<T> b) {
  if (b.at < 0) return a;
  if (a.at < 0) return b;
  const bool a_nan = a.v != a.v, b_nan = b.v != b.v;
  if (a_nan != b_nan) return a_nan ? a : b;
  if (!a_nan && a.v != b.v) return (a.v > b.v) == kLargest ? a : b;
  return a.at < b.at ? a : b;
}

template <bool kLargest, class T>
HEARTH_DEVICE Best<T> best_of_warp(Best<T> b) {
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const Best<T> other{__shfl_xor_sync(kAllLanes, b.v, lanes), __shfl_xor_sync(kAllLanes, b.at, lanes)};
    b = better<kLargest>(b, other);
  }
  return b;
}

template <bool kLargest, class T>
HEARTH_KERNEL void arg_kernel(ArgReduction r) {
  HEARTH_SHARED(T, values, [32]);
  HEARTH_SHARED(int64_t, places, [32]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32,
            warps = static_cast<int>(blockDim.x) / 32;
  for (int64_t o = blockIdx.x; o < r.kept.n; o += gridDim.x) {
    int64_t at[3];
    r.kept.place(o, at);
    Best<T> b{T(0), -1};
    for (int64_t i = threadIdx.x; i < r.gone.n; i += blockDim.x) {
      int64_t within[1];
      r.gone.place(i, within);
      b = better<kLargest>(b, Best<T>{read<T>(r.type, r.x, at[0] + within[0]), i});
    }
    b = best_of_warp<kLargest>(b);
    if (lane == 0) {
      values[warp] = b.v;
      places[warp] = b.at;
    }
    __syncthreads();
    if (warp == 0) {
      b = lane < warps ? Best<T>{values[lane], places[lane]} : Best<T>{T(0), -1};
      b = best_of_warp<kLargest>(b);
      if (lane == 0) {
        if (r.values) write<T>(r.type, r.values, at[1], b.v);
        static_cast<int64_t*>(r.places)[at[2]] = b.at;
      }
    }
    __syncthreads();
  }
}

template <bool kLargest>
void run(OpCall& c, bool with_values) {
  const auto& a = c.attrs_as<ArgAttrs>();
  const Tensor &x = c.input(0), &places = c.out[with_values ? 1 : 0];
  const Layout& in = x.layout();
  ArgReduction r = {};
  r.x = x.impl()->data();
  r.values = with_values ? c.out[0].impl()->data() : nullptr;
  r.places = places.impl()->data();
  r.type = x.dtype();
  const int only = a.dim && in.rank() ? wrap_dim(*a.dim, in.rank(), c.op.name) : -1;
  int next = 0;
  for (int d = 0; d < in.rank(); ++d) {
    const bool reduced = only < 0 || d == only;
    if (reduced) {
      r.gone.add(in.shape[d], {in.strides[d]});
    } else {
      r.kept.add(in.shape[d], {in.strides[d], with_values ? c.out[0].strides()[next] : 0, places.strides()[next]});
    }
    if (!reduced || a.keepdim) ++next;
  }
  if (r.kept.n == 0) return;
  const Launch l = blocks_over(c, r.kept.n, r.gone.n);
  switch (compute_type(r.type)) {
    case DType::kI64:
      return launch(l, arg_kernel<kLargest, int64_t>, r);
    case DType::kF64:
      return launch(l, arg_kernel<kLargest, double>, r);
    case DType::kF32:
      return launch(l, arg_kernel<kLargest, float>, r);
    default:
      no_cuda_kernel(c, r.type);
  }
}

}  // namespace

void argmax(OpCall& c) { run<true>(c, false); }
void argmin(OpCall& c) { run<false>(c, false); }
void max_dim(OpCall& c) { run<true>(c, true); }
void min_dim(OpCall& c) { run<false>(c, true); }

}  // namespace hearth::cuda
