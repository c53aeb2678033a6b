// Elements by computed places. What is written to one place by several is decided by their order: the last counts, or
// they are put together one after the other.
#include "core/kernels/index.h"

#include "core/kernels/cuda/block.cuh"
#include "core/kernels/cuda/by_size.cuh"
#include "core/kernels/cuda/copy.h"
#include "core/kernels/cuda/grid.cuh"
#include "core/kernels/cuda/order.h"
#include "core/kernels/embedding.h"
#include "core/kernels/scatter_reduce.h"
#include "core/op/attrs/embedding.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/scatter_reduce.h"
#include "core/op/attrs/view.h"

namespace hearth::cuda {
namespace {

// A tensor of indices.
struct Indices {
  const void* data;
  bool wide;  // i64, else i32
  int64_t limit;
  const char* op;
  Complaint* complaint;
  Indices(const OpCall& c, const Tensor& t, int64_t size)
      : data(t.impl()->data()),
        wide(t.dtype() == DType::kI64),
        limit(size),
        op(c.op.name),
        complaint(cuda::complaint(c.device.index)) {}
  // The index at a place, or -1, with a complaint, if it is out of range.
  HEARTH_DEVICE int64_t at(int64_t place) const {
    const int64_t i = wide ? static_cast<const int64_t*>(data)[place] : static_cast<const int32_t*>(data)[place];
    if (i >= 0 && i < limit) return i;
    complain(complaint, op, i, limit);
    return -1;
  }
};

int dim_of(const OpCall& c, int64_t dim) { return wrap_dim(dim, c.out[0].dim(), c.op.name); }
int dim_of(const OpCall& c) { return dim_of(c, c.attrs_as<DimAttrs>().dim); }

int64_t stride_of(const Tensor& t, int d) { return t.dim() ? t.strides()[d] : 0; }

// result, operand without dimension d, index
template <class Item>
HEARTH_KERNEL void pick_kernel(Walk<3> walk, Indices index, int64_t step, const Item* from, Item* to) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[3];
    walk.place(i, at);
    const int64_t k = index.at(at[2]);
    if (k >= 0) to[at[0]] = from[at[1] + k * step];
  });
}

// lines: one index for each place along d, else one for each element.
void pick(OpCall& c, bool lines) {
  const Tensor &x = c.input(0), &index = c.input(1), &out = c.out[0];
  if (out.numel() == 0) return;
  const int d = dim_of(c);
  Walk<3> walk;
  for (int k = 0; k < out.dim(); ++k) {
    const int64_t of_index = !lines ? index.strides()[k] : k == d && index.dim() ? index.strides()[0] : 0;
    walk.add(out.shape()[k], {out.strides()[k], k == d ? 0 : x.strides()[k], of_index});
  }
  const Indices indices(c, index, x.dim() ? x.shape()[d] : 1);
  by_size(x.itemsize(), [&]<class Item>() {
    launch(over(c, walk.n), pick_kernel<Item>, walk, indices, stride_of(x, d),
           static_cast<const Item*>(x.impl()->data()), static_cast<Item*>(out.impl()->data()));
  });
}

// ---- Writing. An item has a place in the target, counted in items of the target, and lies somewhere in the source.

HEARTH_KERNEL void fill_kernel(int64_t* p, int64_t n, int64_t v) {
  for_each_item(n, [&](int64_t i) { p[i] = v; });
}

// The last item of each place.
HEARTH_KERNEL void last_kernel(const int64_t* places, int64_t n, long long* last) {
  for_each_item(n, [&](int64_t i) {
    if (places[i] >= 0) atomicMax(&last[places[i]], static_cast<long long>(i));
  });
}

Tensor last_of_places(const OpCall& c, const Tensor& places, int64_t count) {
  const Tensor last = hearth::detail::empty({count}, DType::kI64, c.device);
  auto* const p = static_cast<int64_t*>(last.impl()->data());
  launch(over(c, count), fill_kernel, p, count, int64_t{-1});
  launch(over(c, places.numel()), last_kernel, static_cast<const int64_t*>(places.impl()->data()), places.numel(),
         reinterpret_cast<long long*>(p));
  return last;
}

// Where items go: an offset in the target for each place. Of a scatter the target's elements, of rows the dimensions
// that are named.
struct Target {
  Walk<1> places;    // the offset of a place
  Walk<2> element;   // target and source: what an item holds
  int64_t step = 0;  // from one item to the next in the source
};

// Items of which each holds target.element.n elements, in any order.
template <class Item>
HEARTH_KERNEL void put_kernel(Target t, const int64_t* places, const int64_t* last, int64_t n, const int64_t* sources,
                              const Item* from, Item* to) {
  for_each_item(n * t.element.n, [&](int64_t k) {
    const int64_t i = k / t.element.n;
    if (places[i] < 0 || last[places[i]] != i) return;
    int64_t offset[1], at[2];
    t.places.place(places[i], offset);
    t.element.place(k % t.element.n, at);
    to[offset[0] + at[0]] = from[(sources ? sources[i] : i * t.step) + at[1]];
  });
}

// Items in the order of their places: the first of each place puts them all together, in f32 for f16 and bf16.
template <class R, class T>
HEARTH_KERNEL void join_kernel(Target t, const int64_t* places, const int64_t* order, int64_t n, const int64_t* sources,
                               DType from_type, const void* from, DType to_type, void* to) {
  for_each_item(n * t.element.n, [&](int64_t k) {
    const int64_t first = k / t.element.n, place = places[order[first]];
    if (place < 0 || (first > 0 && places[order[first - 1]] == place)) return;
    int64_t offset[1], at[2];
    t.places.place(place, offset);
    t.element.place(k % t.element.n, at);
    T joined = read<T>(to_type, to, offset[0] + at[0]);
    for (int64_t j = first; j < n && places[order[j]] == place; ++j) {
      const int64_t i = order[j];
      joined = R()(joined, read<T>(from_type, from, (sources ? sources[i] : i * t.step) + at[1]));
    }
    write<T>(to_type, to, offset[0] + at[0], joined);
  });
}

const int64_t* places_in(const Tensor& x) {
  return x.defined() ? static_cast<const int64_t*>(x.impl()->data()) : nullptr;
}

// places: i64, -1 for items that are left out. sources: where items lie in the source, or undefined: `step` apart.
void put(const OpCall& c, const Target& t, const Tensor& places, const Tensor& sources, const Tensor& source,
         const Tensor& out) {
  if (t.places.n == 0) return;  // the target has no place: every index has been complained of
  const int64_t n = places.numel();
  const Tensor last = last_of_places(c, places, t.places.n);
  by_size(out.itemsize(), [&]<class Item>() {
    launch(over(c, n * t.element.n), put_kernel<Item>, t, places_in(places), places_in(last), n, places_in(sources),
           static_cast<const Item*>(source.impl()->data()), static_cast<Item*>(out.impl()->data()));
  });
}

// The same, put together by R with each other and with what is in the target.
template <class R>
void join(const OpCall& c, const Target& t, const Tensor& places, const Tensor& sources, const Tensor& source,
          const Tensor& out) {
  if (t.places.n == 0) return;
  const int64_t n = places.numel();
  // Places that are left out, -1, come last.
  const Tensor order = stable_order(c, places, bits_below(t.places.n + 1) + 1, n);
  const auto go = [&](auto kernel) {
    launch(over(c, n * t.element.n), kernel, t, places_in(places), places_in(order), n, places_in(sources),
           source.dtype(), static_cast<const void*>(source.impl()->data()), out.dtype(), out.impl()->data());
  };
  switch (compute_type(out.dtype())) {
    case DType::kI64:
      return go(join_kernel<R, int64_t>);
    case DType::kF64:
      return go(join_kernel<R, double>);
    case DType::kF32:
      return go(join_kernel<R, float>);
    default:
      no_cuda_kernel(c, out.dtype());
  }
}

// ---- scatter: an item is an element.

// index, source, target without dimension d (in places), counted over the index's shape
HEARTH_KERNEL void scatter_places(Walk<3> walk, Indices index, int64_t step, int64_t* places, int64_t* sources) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[3];
    walk.place(i, at);
    const int64_t k = index.at(at[0]);
    places[i] = k < 0 ? -1 : at[2] + k * step;
    sources[i] = at[1];
  });
}

// put_all: `put` or a `join`.
template <class F>
void scatter_into(OpCall& c, int d, F put_all) {
  const Tensor &out = c.out[0], &index = c.input(1), &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (index.numel() == 0) return;
  Target t;
  t.element.n = 1;
  int64_t in_places[kMaxRank], after = 1;  // places are the target's elements in row-major order
  for (int k = out.dim(); k-- > 0;) {
    in_places[k] = after;
    after *= out.shape()[k];
  }
  for (int k = 0; k < out.dim(); ++k) t.places.add(out.shape()[k], {out.strides()[k]});
  Walk<3> walk;
  for (int k = 0; k < index.dim(); ++k)
    walk.add(index.shape()[k], {index.strides()[k], source.strides()[k], k == d ? 0 : in_places[k]});
  const Tensor places = hearth::detail::empty({walk.n}, DType::kI64, c.device),
               sources = hearth::detail::empty({walk.n}, DType::kI64, c.device);
  launch(over(c, walk.n), scatter_places, walk, Indices(c, index, out.dim() ? out.shape()[d] : 1),
         out.dim() ? in_places[d] : 0, static_cast<int64_t*>(places.impl()->data()),
         static_cast<int64_t*>(sources.impl()->data()));
  put_all(c, t, places, sources, source, out);
}

// ---- rows: an item is all that a tensor holds at one place of some of its dimensions.

HEARTH_KERNEL void row_places(Walk<1> walk, Indices index, int64_t left_out, int64_t* places) {
  for_each_item(walk.n, [&](int64_t i) {
    int64_t at[1];
    walk.place(i, at);
    const int64_t k = index.at(at[0]);
    places[i] = k == left_out ? -1 : k;
  });
}

// The places that an index names among `count`, one after the other.
Tensor places_of(const OpCall& c, const Tensor& index, int64_t count, int64_t left_out = -1) {
  Walk<1> walk;
  for (int k = 0; k < index.dim(); ++k) walk.add(index.shape()[k], {index.strides()[k]});
  const Tensor places = hearth::detail::empty({walk.n}, DType::kI64, c.device);
  if (walk.n > 0) {
    launch(over(c, walk.n), row_places, walk, Indices(c, index, count), left_out,
           static_cast<int64_t*>(places.impl()->data()));
  }
  return places;
}

// dims: those of x that are named together. Rows have a dimension for the items, `item`, and x's others in their order.
Target rows_of(const Tensor& x, const Dims& dims, const Tensor& rows, int item) {
  Target t;
  unsigned named = 0;
  for (int64_t d : dims) {
    t.places.add(x.shape()[static_cast<int>(d)], {x.strides()[static_cast<int>(d)]});
    named |= 1u << d;
  }
  int next = 0;
  for (int d = 0; d < x.dim(); ++d) {
    if (named >> d & 1) continue;
    if (next == item) ++next;
    t.element.add(x.shape()[d], {x.strides()[d], rows.strides()[next++]});
  }
  t.step = rows.strides()[item];
  return t;
}

template <class Item>
HEARTH_KERNEL void rows_kernel(Target t, const int64_t* places, int64_t n, const Item* from, Item* to) {
  for_each_item(n * t.element.n, [&](int64_t k) {
    const int64_t i = k / t.element.n;
    if (places[i] < 0) return;
    int64_t offset[1], at[2];
    t.places.place(places[i], offset);
    t.element.place(k % t.element.n, at);
    to[i * t.step + at[1]] = from[offset[0] + at[0]];
  });
}

}  // namespace

void cat(OpCall& c) {
  const int d = dim_of(c);
  int64_t at = 0;
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.input(i);
    if (x.dim() != c.out[0].dim()) continue;  // an empty 1-D tensor
    const Layout part = c.out[0].layout();
    Shape shape = part.shape;
    shape[d] = x.shape()[d];
    copy_tensor(hearth::detail::alias(c.out[0], Layout(shape, part.strides, part.offset + at * part.strides[d]), true),
                x);
    at += x.shape()[d];
  }
}

void index_select(OpCall& c) { pick(c, true); }
void gather(OpCall& c) { pick(c, false); }
void scatter(OpCall& c) { scatter_into(c, dim_of(c), put); }
void scatter_add(OpCall& c) { scatter_into(c, dim_of(c), join<Sum>); }
void scatter_reduce(OpCall& c) {
  const auto& a = c.attrs_as<ScatterReduceAttrs>();
  const int d = dim_of(c, a.dim);
  if (a.reduce == 0) return scatter_into(c, d, join<Prod>);
  if (a.reduce == 1) return scatter_into(c, d, join<Max>);
  scatter_into(c, d, join<Min>);
}

void index_add(OpCall& c) {
  const Tensor &out = c.out[0], &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (source.numel() == 0) return;
  const int d = dim_of(c);
  join<Sum>(c, rows_of(out, {d}, source, d), places_of(c, c.input(1), out.shape()[d]), {}, source, out);
}

void index(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const Target t = rows_of(x, c.attrs_as<IndexAttrs>().dims, out, 0);
  const Tensor places = places_of(c, c.input(1), t.places.n);
  by_size(x.itemsize(), [&]<class Item>() {
    launch(over(c, places.numel() * t.element.n), rows_kernel<Item>, t,
           static_cast<const int64_t*>(places.impl()->data()), places.numel(),
           static_cast<const Item*>(x.impl()->data()), static_cast<Item*>(out.impl()->data()));
  });
}

void index_put(OpCall& c) {
  const auto& a = c.attrs_as<IndexAttrs>();
  const Tensor &out = c.out[0], &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (source.numel() == 0) return;
  const Target t = rows_of(out, a.dims, source, 0);
  (a.accumulate ? join<Sum> : put)(c, t, places_of(c, c.input(1), t.places.n), {}, source, out);
}

void embedding(OpCall& c) {
  const Tensor &weight = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const int64_t width = weight.shape()[1], n = out.numel() / width;
  // The result is row-major.
  const Tensor rows =
      hearth::detail::alias(out, Layout(Shape{n, width}, Strides{width, 1}, out.storage_offset()), true);
  const Target t = rows_of(weight, {0}, rows, 0);
  const Tensor places = places_of(c, c.input(1), weight.shape()[0]);
  by_size(weight.itemsize(), [&]<class Item>() {
    launch(over(c, out.numel()), rows_kernel<Item>, t, static_cast<const int64_t*>(places.impl()->data()), n,
           static_cast<const Item*>(weight.impl()->data()), static_cast<Item*>(out.impl()->data()));
  });
}

void embedding_grad(OpCall& c) {
  const auto& a = c.attrs_as<EmbeddingAttrs>();
  const Tensor& out = c.out[0];
  if (out.numel() == 0) return;
  check(cudaMemsetAsync(out.impl()->data(), 0, out.nbytes(), stream(c.device.index)), "memset");
  const Tensor gradient = row_major(c.input(0));
  if (gradient.numel() == 0) return;
  const int64_t width = out.shape()[1], n = gradient.numel() / width;
  const Tensor rows =
      hearth::detail::alias(gradient, Layout(Shape{n, width}, Strides{width, 1}, gradient.storage_offset()), true);
  join<Sum>(c, rows_of(out, {0}, rows, 0), places_of(c, c.input(1), out.shape()[0], a.padding.value_or(-1)), {}, rows,
            out);
}

}  // namespace hearth::cuda
