#include "core/kernels/sort.h"

#include <bit>

#include "core/kernels/cuda/by_size.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/lines.cuh"
#include "core/kernels/cuda/order.h"
#include "core/kernels/order.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/sort.h"

namespace hearth::cuda {
namespace {

// A bit pattern that rises with a float's value: NaN is the greatest, both zeros are equal. An integer's own pattern,
// whose sign the caller turns over.
template <class T>
HEARTH_DEVICE uint64_t key_of(T v) {
  if constexpr (std::is_same_v<T, int64_t>) {
    return static_cast<uint64_t>(v);
  } else if constexpr (sizeof(T) == 8) {
    if (v != v) return ~uint64_t{0};
    if (v == 0) v = 0;
    const auto u = std::bit_cast<uint64_t>(v);
    return u >> 63 ? ~u : u | uint64_t{1} << 63;
  } else {
    if (v != v) return 0xffffffffu;
    if (v == 0) v = 0;
    const auto u = std::bit_cast<uint32_t>(v);
    return u >> 31 ? ~u : u | 0x80000000u;
  }
}

// Keys of all lines, one after the other. The bits of `flip` are turned over, those that are not in `mask` dropped.
template <class T>
HEARTH_KERNEL void keys_kernel(Lines<1> l, DType type, const void* x, uint64_t flip, uint64_t mask, uint64_t* keys) {
  for_each_item(l.first.n * l.n, [&](int64_t i) {
    int64_t at[1];
    l.first.place(i / l.n, at);
    keys[i] = (key_of<T>(read<T>(type, x, at[0] + i % l.n * l.step[0])) ^ flip) & mask;
  });
}

// How many bits of a key differ among the values of a dtype.
int key_bits(DType t) { return t == DType::kI64 || t == DType::kF64 ? 64 : 32; }
// The key of NaN.
uint64_t nan_key(DType t) { return t == DType::kF64 ? ~uint64_t{0} : 0xffffffffu; }

struct Sorted {
  Lines<1> lines;
  Tensor keys, order;  // of the elements of all lines
};

Sorted sorted_lines(const OpCall& c, const Tensor& x, int d, bool descending) {
  Sorted s;
  s.lines = lines_of<1>(x.shape(), d, {&x.strides()});
  s.keys = hearth::detail::empty({s.lines.first.n * s.lines.n}, DType::kI64, c.device);
  const int64_t n = s.keys.numel();
  const int bits = key_bits(x.dtype());
  if (n > 0) {
    const auto go = [&](auto kernel, uint64_t sign) {
      launch(over(c, n), kernel, s.lines, x.dtype(), static_cast<const void*>(x.impl()->data()),
             sign ^ (descending ? ~uint64_t{0} : 0), bits == 64 ? ~uint64_t{0} : 0xffffffffu,
             static_cast<uint64_t*>(s.keys.impl()->data()));
    };
    switch (compute_type(x.dtype())) {
      case DType::kI64:
        go(keys_kernel<int64_t>, uint64_t{1} << (bits - 1));
        break;
      case DType::kF64:
        go(keys_kernel<double>, 0);
        break;
      case DType::kF32:
        go(keys_kernel<float>, 0);
        break;
      default:
        no_cuda_kernel(c, x.dtype());
    }
  }
  s.order = stable_order(c, s.keys, bits, std::max<int64_t>(s.lines.n, 1));
  return s;
}

// values[line][k] = the k-th of the line's order, for k < kept.
template <class Item>
HEARTH_KERNEL void take_kernel(Lines<3> l, const int64_t* order, int64_t kept, const Item* x, Item* values,
                               int64_t* places) {
  for_each_item(l.first.n * kept, [&](int64_t i) {
    const int64_t line = i / kept, k = i % kept;
    int64_t at[3];
    l.first.place(line, at);
    const int64_t place = order[line * l.n + k] - line * l.n;
    values[at[1] + k * l.step[1]] = x[at[0] + place * l.step[0]];
    places[at[2] + k * l.step[2]] = place;
  });
}

void take(OpCall& c, int d, bool descending, int64_t kept) {
  const Tensor &x = c.input(0), &values = c.out[0], &places = c.out[1];
  if (values.numel() == 0) return;
  const Sorted s = sorted_lines(c, x, d, descending);
  const Lines<3> l = lines_of<3>(x.shape(), d, {&x.strides(), &values.strides(), &places.strides()});
  by_size(x.itemsize(), [&]<class Item>() {
    launch(over(c, l.first.n * kept), take_kernel<Item>, l, static_cast<const int64_t*>(s.order.impl()->data()), kept,
           static_cast<const Item*>(x.impl()->data()), static_cast<Item*>(values.impl()->data()),
           static_cast<int64_t*>(places.impl()->data()));
  });
}

// Of each line the lower of the two middle elements, or the first NaN. Of equal elements the first.
HEARTH_KERNEL void middle_kernel(Lines<1> l, const int64_t* order, const uint64_t* keys, bool floats, uint64_t nan,
                                 int64_t* places) {
  for_each_item(l.first.n, [&](int64_t line) {
    const int64_t* const of_line = order + line * l.n;
    int64_t k = floats && keys[of_line[l.n - 1]] == nan ? l.n - 1 : (l.n - 1) / 2;
    // The first of its equals: keys rise.
    const uint64_t key = keys[of_line[k]];
    int64_t begin = 0;
    while (begin < k) {
      const int64_t middle = begin + (k - begin) / 2;
      if (keys[of_line[middle]] < key) begin = middle + 1;
      else k = middle;
    }
    places[line] = of_line[k] - line * l.n;
  });
}

template <class Item>
HEARTH_KERNEL void place_kernel(Lines<1> l, const int64_t* places, const Item* x, Item* values) {
  for_each_item(l.first.n, [&](int64_t line) {
    int64_t at[1];
    l.first.place(line, at);
    values[line] = x[at[0] + places[line] * l.step[0]];
  });
}

HEARTH_KERNEL void isin_kernel(int64_t n, const uint64_t* keys, const uint64_t* known, const int64_t* order,
                               int64_t count, bool floats, uint64_t nan, bool* found) {
  for_each_item(n, [&](int64_t i) {
    const uint64_t key = keys[i];
    int64_t begin = 0, end = count;
    while (begin < end) {
      const int64_t middle = begin + (end - begin) / 2;
      if (known[order[middle]] < key) begin = middle + 1;
      else end = middle;
    }
    found[i] = !(floats && key == nan) && begin < count && known[order[begin]] == key;
  });
}

}  // namespace

void sort(OpCall& c) {
  const auto& a = c.attrs_as<SortAttrs>();
  const Tensor& x = c.input(0);
  const int d = x.dim() ? wrap_dim(a.dim, x.dim(), c.op.name) : 0;
  take(c, d, a.descending, x.dim() ? x.shape()[d] : 1);
}

void topk(OpCall& c) {
  const auto& a = c.attrs_as<TopkAttrs>();
  const Tensor& x = c.input(0);
  take(c, x.dim() ? wrap_dim(a.dim, x.dim(), c.op.name) : 0, a.largest, a.k);
}

void median(OpCall& c) {
  const auto& a = c.attrs_as<ArgAttrs>();
  const Tensor &x = c.input(0), &values = c.out[0], &places = c.out[1];
  if (values.numel() == 0) return;
  const int d = x.dim() ? wrap_dim(a.dim.value_or(-1), x.dim(), c.op.name) : 0;
  const Sorted s = sorted_lines(c, x, d, false);
  auto* const at = static_cast<int64_t*>(places.impl()->data());
  launch(over(c, s.lines.first.n), middle_kernel, s.lines, static_cast<const int64_t*>(s.order.impl()->data()),
         static_cast<const uint64_t*>(s.keys.impl()->data()), is_floating_point(x.dtype()), nan_key(x.dtype()), at);
  by_size(x.itemsize(), [&]<class Item>() {
    launch(over(c, s.lines.first.n), place_kernel<Item>, s.lines, static_cast<const int64_t*>(at),
           static_cast<const Item*>(x.impl()->data()), static_cast<Item*>(values.impl()->data()));
  });
}

void isin(OpCall& c) {
  const Tensor x = row_major(c.input(0)), among = row_major(c.input(1)), &out = c.out[0];
  if (out.numel() == 0) return;
  const auto flat = [](const Tensor& t) {
    return hearth::detail::alias(t, Layout(Shape{t.numel()}, Strides{1}, t.storage_offset()), true);
  };
  const Sorted known = sorted_lines(c, flat(among), 0, false);
  const Sorted asked = sorted_lines(c, flat(x), 0, false);
  launch(over(c, out.numel()), isin_kernel, out.numel(), static_cast<const uint64_t*>(asked.keys.impl()->data()),
         static_cast<const uint64_t*>(known.keys.impl()->data()),
         static_cast<const int64_t*>(known.order.impl()->data()), among.numel(), is_floating_point(x.dtype()),
         nan_key(x.dtype()), static_cast<bool*>(out.impl()->data()));
}

}  // namespace hearth::cuda
