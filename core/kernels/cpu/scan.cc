#include "core/kernels/scan.h"

#include <algorithm>
#include <type_traits>

#include "core/base/parallel.h"
#include "core/kernels/cpu/lines.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

namespace hearth::cpu {

void cumsum(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  const Strides* const strides[] = {&out.strides(), &x.strides()};
  const int64_t n = x.dim() ? x.shape()[d] : 1, lines = lines_of(x.shape(), d);
  const int64_t os = x.dim() ? out.strides()[d] : 0, xs = x.dim() ? x.strides()[d] : 0;
  visit(x.dtype(), [&]<class T>() {
    const auto run = [&]<class To>(To) {
      const T* from = static_cast<const T*>(x.raw_data());
      To* to = static_cast<To*>(out.impl()->data());
      parallel_for(lines, std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
        for_lines(x.shape(), d, strides, begin, end, [&](const int64_t* o) {
          std::conditional_t<is_floating_point(dtype_of<T>), double, int64_t> total = 0;
          for (int64_t i = 0; i < n; ++i) {
            total += convert<decltype(total)>(from[o[1] + i * xs]);
            to[o[0] + i * os] = convert<To>(total);
          }
        });
      });
    };
    if constexpr (is_floating_point(dtype_of<T>)) run(T{});
    else run(int64_t{});
  });
}

}  // namespace hearth::cpu
