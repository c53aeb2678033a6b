#include "core/kernels/rearrange.h"

#include <algorithm>

#include "core/base/parallel.h"
#include "core/kernels/cpu/lines.h"
#include "core/op/attrs/view.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

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
  const Shape& shape = x.shape();
  const int last = shape.rank() - 1;
  const Strides* const both[] = {&out.strides(), &strides};
  const int64_t n = last < 0 ? 1 : shape[last], os = last < 0 ? 0 : out.strides()[last],
                xs = last < 0 ? 0 : strides[last];
  by_size(out, [&]<class T>(T) {
    T* to = static_cast<T*>(out.impl()->data());
    const T* from = static_cast<const T*>(x.raw_data()) + offset;
    parallel_for(lines_of(shape, last), std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
      for_lines(shape, last, both, begin, end, [&](const int64_t* o) {
        for (int64_t i = 0; i < n; ++i) to[o[0] + i * os] = from[o[1] + i * xs];
      });
    });
  });
}

}  // namespace hearth::cpu
