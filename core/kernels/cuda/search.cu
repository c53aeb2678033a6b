#include "core/kernels/search.h"

#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/search.h"

namespace hearth::cuda {
namespace {

// Of each value the first of n places whose number does not lie before it; NaN lies behind every number. The walk:
// result, value, the first number of the value's line.
template <class T>
HEARTH_KERNEL void search_kernel(Walk<3> walk, DType type, const void* sorted, int64_t n, int64_t step,
                                 const void* values, bool right, DType to_type, void* to) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[3];
    walk.place(i, at);
    const T v = read<T>(type, values, at[1]);
    int64_t begin = 0, end = n;
    while (begin < end) {
      const int64_t middle = begin + (end - begin) / 2;
      const T there = read<T>(type, sorted, at[2] + middle * step);
      if (right ? there > v : there >= v) end = middle;
      else begin = middle + 1;
    }
    write<int64_t>(to_type, to, at[0], begin);
  });
}

}  // namespace

void searchsorted(OpCall& c) {
  const Tensor &sorted = c.input(0), &values = c.input(1), &out = c.out[0];
  if (out.numel() == 0) return;
  const bool one_line = sorted.dim() == 1;
  Walk<3> walk;
  for (int d = 0; d < values.dim(); ++d) {
    const bool along = one_line || d + 1 == values.dim();
    walk.add(values.shape()[d], {out.strides()[d], values.strides()[d], along ? 0 : sorted.strides()[d]});
  }
  const auto go = [&](auto kernel) {
    launch(over(c, walk.n), kernel, walk, sorted.dtype(), static_cast<const void*>(sorted.impl()->data()),
           sorted.shape().back(), sorted.strides().back(), static_cast<const void*>(values.impl()->data()),
           c.attrs_as<SearchsortedAttrs>().right, out.dtype(), out.impl()->data());
  };
  switch (compute_type(sorted.dtype())) {
    case DType::kI64:
      return go(search_kernel<int64_t>);
    case DType::kF64:
      return go(search_kernel<double>);
    default:
      return go(search_kernel<float>);
  }
}

}  // namespace hearth::cuda
