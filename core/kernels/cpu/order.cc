#include "core/kernels/cpu/order.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

template <class T>
using Compared = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// The same elements in row-major order without gaps.
Tensor dense(const Tensor& t) {
  if (t.layout().contiguous) return t;
  const Tensor d = detail::empty(t.shape(), t.dtype(), t.device());
  copy_tensor(d, t);
  return d;
}

}  // namespace

void isin(OpCall& c) {
  const Tensor x = dense(c.input(0)), among = dense(c.input(1)), out = c.out[0];
  visit(x.dtype(), [&]<class T>() {
    using C = Compared<T>;
    const T* values = static_cast<const T*>(among.raw_data());
    std::vector<C> known;
    for (int64_t i = 0; i < among.numel(); ++i) {
      const C v = static_cast<C>(values[i]);
      if (v == v) known.push_back(v);
    }
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    const T* from = static_cast<const T*>(x.raw_data());
    bool* to = static_cast<bool*>(out.raw_data());
    parallel_for(x.numel(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        to[i] = std::binary_search(known.begin(), known.end(), static_cast<C>(from[i]));
    });
  });
}

}  // namespace hearth::cpu
