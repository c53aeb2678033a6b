#include "core/kernels/order.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/op/attrs/reduce.h"
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
    bool* to = static_cast<bool*>(out.impl()->data());
    parallel_for(x.numel(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const C v = static_cast<C>(from[i]);
        to[i] = v == v && std::binary_search(known.begin(), known.end(), v);
      }
    });
  });
}

void median(OpCall& c) {
  const auto& a = c.attrs_as<ArgAttrs>();
  const Tensor& x = c.input(0);
  const int d = wrap_dim(a.dim.value_or(-1), x.dim(), "median");
  // Lines along d, each in one piece.
  Shape shape = x.shape();
  Strides strides = x.strides();
  if (x.dim() > 0) {
    const int64_t size = shape[d], stride = strides[d];
    shape.erase(d);
    strides.erase(d);
    shape.push_back(size);
    strides.push_back(stride);
  }
  const Tensor lines = dense(detail::alias(x, Layout(shape, strides, x.storage_offset()), true));
  const int64_t n = x.dim() > 0 ? shape.back() : 1, count = c.out[0].numel();
  int64_t* index = static_cast<int64_t*>(c.out[1].impl()->data());
  visit(x.dtype(), [&]<class T>() {
    using C = Compared<T>;
    const T* from = static_cast<const T*>(lines.raw_data());
    T* values = static_cast<T*>(c.out[0].impl()->data());
    parallel_for(count, std::max<int64_t>(4096 / n, 1), [&](int64_t begin, int64_t end) {
      std::vector<C> line(static_cast<size_t>(n));
      for (int64_t o = begin; o < end; ++o) {
        const T* p = from + o * n;
        const auto is_nan = [](T v) { return static_cast<C>(v) != static_cast<C>(v); };
        int64_t at = std::find_if(p, p + n, is_nan) - p;
        if (at == n) {
          for (int64_t i = 0; i < n; ++i) line[static_cast<size_t>(i)] = static_cast<C>(p[i]);
          const auto middle = line.begin() + (n - 1) / 2;
          std::nth_element(line.begin(), middle, line.end());
          at = std::find_if(p, p + n, [&](T v) { return static_cast<C>(v) == *middle; }) - p;
        }
        values[o] = p[at];
        index[o] = at;
      }
    });
  });
}

}  // namespace hearth::cpu
