#include "core/kernels/cumulative.h"

#include <algorithm>
#include <type_traits>

#include "core/base/parallel.h"
#include "core/kernels/cpu/lines.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

template <class T>
using Compared = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// replaces(a, b): element a takes the place of the extreme b.
template <class F>
void running(OpCall& c, F replaces) {
  const Tensor &x = c.input(0), &values = c.out[0], &indices = c.out[1];
  if (x.numel() == 0) return;
  const int d = wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name);
  const Strides* const strides[] = {&x.strides(), &values.strides(), &indices.strides()};
  const int64_t n = x.dim() ? x.shape()[d] : 1, lines = lines_of(x.shape(), d);
  const auto stride = [&](int k) { return x.dim() ? (*strides[k])[d] : 0; };
  const int64_t xs = stride(0), vs = stride(1), is = stride(2);
  visit(x.dtype(), [&]<class T>() {
    const T* from = static_cast<const T*>(x.raw_data());
    T* to = static_cast<T*>(values.impl()->data());
    auto* places = static_cast<int64_t*>(indices.impl()->data());
    parallel_for(lines, std::max<int64_t>(kGrainBytes / (n * 16), 1), [&](int64_t begin, int64_t end) {
      for_lines(x.shape(), d, strides, begin, end, [&](const int64_t* o) {
        auto extreme = static_cast<Compared<T>>(from[o[0]]);
        int64_t place = 0;
        for (int64_t i = 0; i < n; ++i) {
          const auto v = static_cast<Compared<T>>(from[o[0] + i * xs]);
          if (v != v || (extreme == extreme && replaces(v, extreme))) {
            extreme = v;
            place = i;
          }
          to[o[1] + i * vs] = from[o[0] + place * xs];
          places[o[2] + i * is] = place;
        }
      });
    });
  });
}

}  // namespace

void cummax(OpCall& c) {
  running(c, [](auto a, auto b) { return a >= b; });
}
void cummin(OpCall& c) {
  running(c, [](auto a, auto b) { return a <= b; });
}

}  // namespace hearth::cpu
