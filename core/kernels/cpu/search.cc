#include "core/kernels/search.h"

#include <type_traits>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/attrs/search.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

template <class T>
using Compared = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// The first of n places whose number does not lie before v; NaN lies behind every number.
template <class T>
int64_t place_of(const T* line, int64_t n, Compared<T> v, bool right) {
  int64_t begin = 0, end = n;
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    const auto at = static_cast<Compared<T>>(line[middle]);
    if (right ? at > v : at >= v) end = middle;
    else begin = middle + 1;
  }
  return begin;
}

template <class I>
void search(OpCall& c) {
  const Tensor sorted = row_major(c.input(0)), values = row_major(c.input(1));
  const bool right = c.attrs_as<SearchsortedAttrs>().right;
  const int64_t n = sorted.shape().back(), in_line = sorted.dim() == 1 ? 0 : values.shape().back();
  I* to = static_cast<I*>(c.out[0].impl()->data());
  visit(sorted.dtype(), [&]<class T>() {
    const T *lines = static_cast<const T*>(sorted.raw_data()), *from = static_cast<const T*>(values.raw_data());
    parallel_for(values.numel(), 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* line = in_line ? lines + i / in_line * n : lines;
        to[i] = static_cast<I>(place_of(line, n, static_cast<Compared<T>>(from[i]), right));
      }
    });
  });
}

}  // namespace

void searchsorted(OpCall& c) {
  if (c.attrs_as<SearchsortedAttrs>().out_int32) search<int32_t>(c);
  else search<int64_t>(c);
}

}  // namespace hearth::cpu
