#include "core/kernels/sort.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/radix_sort.h"
#include "core/kernels/cpu/sort_keys.h"
#include "core/op/attrs/sort.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

// The same memory with dimension d as the last one.
Tensor with_last(const Tensor& t, int d) {
  if (t.dim() == 0 || d == t.dim() - 1) return t;
  Shape shape = t.shape();
  Strides strides = t.strides();
  const int64_t size = shape[d], stride = strides[d];
  shape.erase(d);
  strides.erase(d);
  shape.push_back(size);
  strides.push_back(stride);
  return hearth::detail::alias(t, Layout(shape, strides, t.storage_offset()), true);
}

// A result with lines along d: itself if they lie so, else a tensor from which done() copies.
class Lines {
 public:
  Lines(const Tensor& result, int d) : to_(with_last(result, d)), at_(to_) {
    if (!to_.is_contiguous()) at_ = hearth::detail::empty(to_.shape(), to_.dtype(), to_.device());
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(at_.impl()->data());
  }
  void done() {
    if (at_.impl() != to_.impl()) copy_tensor(to_, at_);
  }

 private:
  Tensor to_, at_;
};

template <class T, class Item>
struct Line {
  static constexpr int kBits = 8 * static_cast<int>(sizeof(T));
  static Item item(T v, int64_t index, bool falling) {
    const Bits<T> key = sort_key(v);
    return Item(falling ? static_cast<Bits<T>>(~key) : key, index);
  }

  // The first k of the whole order.
  static void sort(const T* x, int64_t n, int64_t k, bool falling, T* values, int64_t* indices, Item* scratch) {
    for (int64_t i = 0; i < n; ++i) scratch[i] = item(x[i], i, falling);
    write(radix_sort(scratch, scratch + n, n, kBits), k, x, values, indices);
  }

  // The first k in the order. Only what is better than the k-th best so far is kept; the kept are thinned out when
  // there is no more room.
  static void top(const T* x, int64_t n, int64_t k, bool falling, T* values, int64_t* indices, Item* scratch) {
    const int64_t room = room_for(n, k);
    int64_t kept = 0, i = 0;
    for (; i < std::min(room, n); ++i) scratch[kept++] = item(x[i], i, falling);
    while (i < n) {
      std::nth_element(scratch, scratch + (k - 1), scratch + kept);
      kept = k;
      const Item worst = scratch[k - 1];
      for (; i < n && kept < room; ++i) {
        const Item next = item(x[i], i, falling);
        scratch[kept] = next;
        kept += next < worst;
      }
    }
    if (kept > k) std::nth_element(scratch, scratch + (k - 1), scratch + kept);
    std::sort(scratch, scratch + k);
    write(scratch, k, x, values, indices);
  }

  static int64_t room_for(int64_t n, int64_t k) { return std::min(n, k + std::max<int64_t>(k, 256)); }

 private:
  static void write(const Item* items, int64_t n, const T* x, T* values, int64_t* indices) {
    for (int64_t i = 0; i < n; ++i) {
      indices[i] = items[i].index();
      values[i] = x[indices[i]];
    }
  }
};

// f(type of the elements, type of the items) for lines of n elements.
template <class F>
void with_items(DType dtype, int64_t n, F f) {
  visit(dtype, [&]<class T>() {
    if constexpr (sizeof(T) <= 4) {
      if (n <= kMostSmallItems) return f(Line<T, SmallItem>(), T{}, SmallItem());
    }
    f(Line<T, LargeItem>(), T{}, LargeItem());
  });
}

}  // namespace

void sort(OpCall& c) {
  const auto& a = c.attrs_as<SortAttrs>();
  const Tensor& x = c.input(0);
  if (x.numel() == 0) return;
  const int d = wrap_dim(a.dim, x.dim(), "sort");
  const Tensor lines = row_major(with_last(x, d));
  const int64_t n = x.dim() == 0 ? 1 : x.shape()[d], count = x.numel() / n;
  Lines values(c.out[0], d), indices(c.out[1], d);
  with_items(x.dtype(), n, [&]<class T, class Item>(auto line, T, Item) {
    const T* from = static_cast<const T*>(lines.impl()->data());
    const auto sort_lines = [&](int64_t begin, int64_t end) {
      const auto scratch = std::make_unique_for_overwrite<Item[]>(static_cast<size_t>(2 * n));
      for (int64_t i = begin; i < end; ++i)
        line.sort(from + i * n, n, n, a.descending, values.data<T>() + i * n, indices.data<int64_t>() + i * n,
                  scratch.get());
    };
    // A long line is the work of all threads.
    if (n >= detail::kManyItems) sort_lines(0, count);
    else parallel_for(count, std::max<int64_t>(4096 / n, 1), sort_lines);
  });
  values.done();
  indices.done();
}

void topk(OpCall& c) {
  const auto& a = c.attrs_as<TopkAttrs>();
  const Tensor& x = c.input(0);
  if (x.numel() == 0 || a.k == 0) return;
  const int d = wrap_dim(a.dim, x.dim(), "topk");
  const Tensor lines = row_major(with_last(x, d));
  const int64_t n = x.dim() == 0 ? 1 : x.shape()[d], count = x.numel() / n;
  Lines values(c.out[0], d), indices(c.out[1], d);
  with_items(x.dtype(), n, [&]<class T, class Item>(auto line, T, Item) {
    const T* from = static_cast<const T*>(lines.impl()->data());
    // Of many, a sort of all is cheaper.
    const bool whole = a.k > n / 4;
    const int64_t room = whole ? 2 * n : line.room_for(n, a.k);
    const auto find = [&](int64_t begin, int64_t end) {
      const auto scratch = std::make_unique_for_overwrite<Item[]>(static_cast<size_t>(room));
      for (int64_t i = begin; i < end; ++i)
        (whole ? line.sort : line.top)(from + i * n, n, a.k, a.largest, values.data<T>() + i * a.k,
                                       indices.data<int64_t>() + i * a.k, scratch.get());
    };
    if (whole && n >= detail::kManyItems) find(0, count);
    else parallel_for(count, std::max<int64_t>(4096 / n, 1), find);
  });
  values.done();
  indices.done();
}

}  // namespace hearth::cpu
