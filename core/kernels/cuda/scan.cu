// Running sums and running extremes: a block for each line, which goes along it a blockful at a time.
#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/lines.cuh"
#include "core/kernels/cumulative.h"
#include "core/kernels/scan.h"
#include "core/op/attrs/reduce.h"

namespace hearth::cuda {
namespace {

template <class T>
HEARTH_KERNEL void cumsum_kernel(Lines<2> l, DType from_type, const void* from, DType to_type, void* to) {
  for (int64_t line = blockIdx.x; line < l.first.n; line += gridDim.x) {
    int64_t at[2];
    l.first.place(line, at);
    Total<T> carry{T(0)};
    bool any = false;
    for (int64_t i0 = 0; i0 < l.n; i0 += blockDim.x) {
      const int64_t i = i0 + threadIdx.x;
      Total<T> v{i < l.n ? read<T>(from_type, from, at[0] + i * l.step[0]) : T(0)};
      v = block_scan(v, carry, any, [](Total<T> a, Total<T> b) { return Total<T>{(Num<T>(a.v) + Num<T>(b.v)).v}; });
      if (i < l.n) write<T>(to_type, to, at[1] + i * l.step[1], v.v);
    }
  }
}

template <class T>
struct Extreme {
  T v;
  int64_t at;  // -1: none
  HEARTH_DEVICE Extreme up(unsigned by) const {
    return {__shfl_up_sync(kAllLanes, v, by), __shfl_up_sync(kAllLanes, at, by)};
  }
};

template <class T, bool kLargest>
HEARTH_KERNEL void extremes_kernel(Lines<3> l, DType type, const void* x, void* values, void* places) {
  // Of equal elements the later one counts, and NaN for the rest of the line.
  const auto join = [](Extreme<T> a, Extreme<T> b) {
    if (b.at < 0) return a;
    if (a.at < 0 || b.v != b.v) return b;
    if (a.v != a.v) return a;
    return (kLargest ? b.v >= a.v : b.v <= a.v) ? b : a;
  };
  for (int64_t line = blockIdx.x; line < l.first.n; line += gridDim.x) {
    int64_t at[3];
    l.first.place(line, at);
    Extreme<T> carry{T(0), -1};
    bool any = false;
    for (int64_t i0 = 0; i0 < l.n; i0 += blockDim.x) {
      const int64_t i = i0 + threadIdx.x;
      Extreme<T> e{T(0), -1};
      if (i < l.n) e = {read<T>(type, x, at[0] + i * l.step[0]), i};
      e = block_scan(e, carry, any, join);
      if (i < l.n) {
        write<T>(type, values, at[1] + i * l.step[1], e.v);
        static_cast<int64_t*>(places)[at[2] + i * l.step[2]] = e.at;
      }
    }
  }
}

template <bool kLargest>
void extremes(OpCall& c) {
  const Tensor &x = c.input(0), &values = c.out[0], &places = c.out[1];
  if (x.numel() == 0) return;
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  const Lines<3> l = lines_of<3>(x.shape(), d, {&x.strides(), &values.strides(), &places.strides()});
  const auto go = [&](auto kernel) {
    launch(blocks_over(c, l.first.n, l.n), kernel, l, x.dtype(), static_cast<const void*>(x.impl()->data()),
           values.impl()->data(), places.impl()->data());
  };
  switch (compute_type(x.dtype())) {
    case DType::kI64:
      return go(extremes_kernel<int64_t, kLargest>);
    case DType::kF64:
      return go(extremes_kernel<double, kLargest>);
    case DType::kF32:
      return go(extremes_kernel<float, kLargest>);
    default:
      no_cuda_kernel(c, x.dtype());
  }
}

}  // namespace

// Floats are summed in f64, as on the CPU.
void cumsum(OpCall& c) {
  const Tensor &x = c.input(0), &y = c.out[0];
  if (is_complex(x.dtype())) no_cuda_kernel(c, x.dtype());
  if (x.numel() == 0) return;
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  const Lines<2> l = lines_of<2>(x.shape(), d, {&x.strides(), &y.strides()});
  const auto go = [&](auto kernel) {
    launch(blocks_over(c, l.first.n, l.n), kernel, l, x.dtype(), static_cast<const void*>(x.impl()->data()), y.dtype(),
           y.impl()->data());
  };
  if (is_floating_point(x.dtype())) go(cumsum_kernel<double>);
  else go(cumsum_kernel<int64_t>);
}

void cummax(OpCall& c) { extremes<true>(c); }
void cummin(OpCall& c) { extremes<false>(c); }

}  // namespace hearth::cuda
