#include "core/kernels/rearrange.h"

#include "core/kernels/cuda/by_size.cuh"
#include "core/kernels/cuda/grid.cuh"
#include "core/op/attrs/view.h"

namespace hearth::cuda {
namespace {

template <class Item>
HEARTH_KERNEL void flip_kernel(Walk<2> walk, Item* to, const Item* last) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[2];
    walk.place(i, at);
    to[at[0]] = last[at[1]];
  });
}

}  // namespace

void flip(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  Strides strides = x.strides();
  int64_t offset = 0;
  for (int64_t dim : c.attrs_as<PermuteAttrs>().dims) {
    if (x.dim() == 0) break;  // one number, which has no strides
    const int d = wrap_dim(dim, x.dim(), "flip");
    offset += (x.shape()[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  Walk<2> walk;
  for (int d = 0; d < x.dim(); ++d) walk.add(x.shape()[d], {out.strides()[d], strides[d]});
  by_size(x.itemsize(), [&]<class Item>() {
    launch(over(c, walk.n), flip_kernel<Item>, walk, static_cast<Item*>(out.impl()->data()),
           static_cast<const Item*>(x.impl()->data()) + offset);
  });
}

}  // namespace hearth::cuda
