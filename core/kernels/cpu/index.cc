#include "core/kernels/index.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/lines.h"
#include "core/kernels/embedding.h"
#include "core/op/attrs/embedding.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/view.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

// Index tensors are read as i64, checked on the way.
class Indices {
 public:
  Indices(const char* op, const Tensor& t, int64_t size) : op_(op), t_(t), size_(size) {}
  int64_t at(int64_t offset) const {
    const int64_t i = t_.dtype() == DType::kI64 ? static_cast<const int64_t*>(t_.raw_data())[offset]
                                                : static_cast<const int32_t*>(t_.raw_data())[offset];
    HEARTH_CHECK(i >= 0 && i < size_, op_, ": index ", i, " is out of range for a dimension of size ", size_);
    return i;
  }

 private:
  const char* op_;
  const Tensor& t_;
  int64_t size_;
};

template <class T>
constexpr bool kHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// What sums over elements of T are collected in: of f16 and bf16 in f32, to be rounded once.
template <class T>
using Sum = std::conditional_t<kHalf<T>, float, T>;

template <class A, class T>
A plus(A a, T b) {
  if constexpr (kHalf<T>) return a + static_cast<A>(static_cast<float>(b));
  else if constexpr (std::is_same_v<T, bool>) return a || b;
  else return static_cast<A>(a + b);
}

// Sums of one line of f16 or bf16 elements in f32. Only the elements that are added to cost anything.
template <class T>
class LineSums {
 public:
  explicit LineSums(int64_t size) : sum_(static_cast<size_t>(size)), touched_(sum_.size()) {}
  void add(int64_t place, T target, T v) {
    const auto p = static_cast<size_t>(place);
    if (!touched_[p]) {
      touched_[p] = true;
      places_.push_back(place);
      sum_[p] = static_cast<Sum<T>>(target);
    }
    sum_[p] = plus(sum_[p], v);
  }
  // Rounds the sums into the elements that at(place) gives, and forgets them.
  template <class F>
  void round(F at) {
    for (int64_t place : places_) {
      at(place) = static_cast<T>(sum_[static_cast<size_t>(place)]);
      touched_[static_cast<size_t>(place)] = false;
    }
    places_.clear();
  }

 private:
  std::vector<Sum<T>> sum_;
  std::vector<char> touched_;
  std::vector<int64_t> places_;
};

// target[index] op= source along dimension d, for each line of the index's shape. Lines that could meet stay in one
// task.
template <bool kAdd>
void scatter_into(OpCall& c, int d) {
  const Tensor &out = c.out[0], &index = c.input(1), &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (index.numel() == 0) return;
  const Shape& shape = index.shape();
  const Indices at(c.op.name, index, out.dim() ? out.shape()[d] : 1);
  const int64_t n = shape.rank() ? shape[d] : 1, lines = lines_of(shape, d);
  const int64_t is = index.dim() ? index.strides()[d] : 0, ss = source.dim() ? source.strides()[d] : 0;
  const Strides* const strides[] = {&out.strides(), &index.strides(), &source.strides()};
  const int64_t os = out.dim() ? out.strides()[d] : 0;
  const auto run = [&]<class T>(T) {
    T* to = static_cast<T*>(out.impl()->data());
    const T* from = static_cast<const T*>(source.raw_data());
    parallel_for(lines, std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
      LineSums<T> sums(kAdd && kHalf<T> && out.dim() ? out.shape()[d] : 1);
      for_lines(shape, d, strides, begin, end, [&](const int64_t* o) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t place = at.at(o[1] + i * is);
          T& t = to[o[0] + place * os];
          if constexpr (kAdd && kHalf<T>) sums.add(place, t, from[o[2] + i * ss]);
          else if constexpr (kAdd) t = plus(t, from[o[2] + i * ss]);
          else t = from[o[2] + i * ss];
        }
        if constexpr (kAdd && kHalf<T>) sums.round([&](int64_t place) -> T& { return to[o[0] + place * os]; });
      });
    });
  };
  if constexpr (kAdd) visit(out.dtype(), [&]<class T>() { run(T{}); });
  else by_size(out, run);
}

int dim_of(const OpCall& c) { return wrap_dim(c.attrs_as<DimAttrs>().dim, c.out[0].dim(), c.op.name); }

}  // namespace

void cat(OpCall& c) {
  const int d = dim_of(c);
  int64_t at = 0;
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.input(i);
    if (x.dim() != c.out[0].dim()) continue;  // an empty 1-D tensor
    Layout part = c.out[0].layout();
    Shape shape = part.shape;
    shape[d] = x.shape()[d];
    copy_tensor(detail::alias(c.out[0], Layout(shape, part.strides, part.offset + at * part.strides[d]), true), x);
    at += x.shape()[d];
  }
}

void index_select(OpCall& c) {
  const Tensor &x = c.input(0), &index = c.input(1), &out = c.out[0];
  if (out.numel() == 0) return;
  const int d = dim_of(c);
  const Indices at(c.op.name, index, x.shape()[d]);
  const int64_t n = index.numel(), is = index.dim() ? index.strides()[0] : 0;
  // Rows below dimension d that lie in one piece are moved as one.
  int64_t inner = 1;
  int first = x.dim();
  while (first - 1 > d && x.strides()[first - 1] == inner && out.strides()[first - 1] == inner)
    inner *= x.shape()[--first];
  Shape outer = out.shape();
  for (int k = first; k < x.dim(); ++k) outer[k] = 1;
  const int64_t os = out.strides()[d], xs = x.strides()[d];
  std::vector<int64_t> rows(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) rows[static_cast<size_t>(i)] = at.at(i * is) * xs;
  const Strides* const strides[] = {&out.strides(), &x.strides()};
  const int64_t lines = lines_of(outer, d), item = static_cast<int64_t>(x.itemsize()), bytes = inner * item;
  // Line after line, so that the result is written in its order; f(places of line, begin, end of indices).
  const auto walk = [&](auto f) {
    parallel_for(lines * n, std::max<int64_t>(kGrainBytes / std::max<int64_t>(bytes, 8), 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t line = begin / n; line * n < end; ++line) {
                     for_lines(outer, d, strides, line, line + 1, [&](const int64_t* o) {
                       f(o, std::max<int64_t>(begin - line * n, 0), std::min(end - line * n, n));
                     });
                   }
                 });
  };
  if (inner == 1) {
    return by_size(out, [&]<class T>(T) {
      T* to = static_cast<T*>(out.impl()->data());
      const T* from = static_cast<const T*>(x.raw_data());
      walk([&](const int64_t* o, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[o[0] + i * os] = from[o[1] + rows[static_cast<size_t>(i)]];
      });
    });
  }
  char* to = static_cast<char*>(out.impl()->data());
  const char* from = static_cast<const char*>(x.raw_data());
  walk([&](const int64_t* o, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + (o[0] + i * os) * item, from + (o[1] + rows[static_cast<size_t>(i)]) * item,
                  static_cast<size_t>(bytes));
  });
}

void gather(OpCall& c) {
  const Tensor &x = c.input(0), &index = c.input(1), &out = c.out[0];
  if (out.numel() == 0) return;
  const int d = dim_of(c);
  const Shape& shape = index.shape();
  const Indices at(c.op.name, index, x.dim() ? x.shape()[d] : 1);
  const Strides* const strides[] = {&out.strides(), &index.strides(), &x.strides()};
  const int64_t n = shape.rank() ? shape[d] : 1, lines = lines_of(shape, d);
  const int64_t os = out.dim() ? out.strides()[d] : 0, is = index.dim() ? index.strides()[d] : 0,
                xs = x.dim() ? x.strides()[d] : 0;
  by_size(out, [&]<class T>(T) {
    T* to = static_cast<T*>(out.impl()->data());
    const T* from = static_cast<const T*>(x.raw_data());
    parallel_for(lines, std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
      for_lines(shape, d, strides, begin, end, [&](const int64_t* o) {
        for (int64_t i = 0; i < n; ++i) to[o[0] + i * os] = from[o[2] + at.at(o[1] + i * is) * xs];
      });
    });
  });
}

void scatter(OpCall& c) { scatter_into<false>(c, dim_of(c)); }
void scatter_add(OpCall& c) { scatter_into<true>(c, dim_of(c)); }

namespace {

Strides without(const Strides& strides, int dim) {
  Strides out;
  for (int d = 0; d < strides.rank(); ++d) {
    if (d != dim) out.push_back(strides[d]);
  }
  return out;
}

// Rows of a tensor: the places of some of its dimensions against all other dimensions, of which the last is walked as
// one line.
struct Rows {
  std::vector<int64_t> offset;  // of each place that is named
  Shape rest;
  Strides x_strides, row_strides;  // of `rest` in the tensor and in the rows
  int last;
  int64_t n, x_step, row_step, lines;

  // row_steps: of the dimensions that are not named, in their order.
  Rows(const char* op, const Dims& dims, const Tensor& index, const Shape& shape, const Strides& x_steps,
       const Strides& row_steps)
      : row_strides(row_steps) {
    int64_t total = 1;
    unsigned named = 0;
    for (int64_t d : dims) {
      total *= shape[static_cast<int>(d)];
      named |= 1u << d;
    }
    const Indices at(op, index, total);
    offset.resize(static_cast<size_t>(index.numel()));
    const int64_t is = index.dim() ? index.strides()[0] : 0;
    parallel_for(index.numel(), kGrainBytes / 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t place = at.at(i * is), o = 0;
        for (int k = dims.rank(); k-- > 1;) {
          const int d = static_cast<int>(dims[k]);
          o += place % shape[d] * x_steps[d];
          place /= shape[d];
        }
        offset[static_cast<size_t>(i)] = o + place * x_steps[static_cast<int>(dims[0])];
      }
    });
    for (int d = 0; d < shape.rank(); ++d) {
      if (named >> d & 1) continue;
      rest.push_back(shape[d]);
      x_strides.push_back(x_steps[d]);
    }
    last = rest.rank() - 1;
    n = last < 0 ? 1 : rest[last];
    x_step = last < 0 ? 0 : x_strides[last];
    row_step = last < 0 ? 0 : row_strides[last];
    lines = lines_of(rest, last);
  }
  // Of index and index_put: rows[i, ...] are what stands at the i-th place of x.
  Rows(const OpCall& c, const Tensor& x, const Tensor& rows)
      : Rows(c.op.name, c.attrs_as<IndexAttrs>().dims, c.input(1), x.shape(), x.strides(), without(rows.strides(), 0)) {
  }
};

// stride: from row to row.
template <bool kAdd, class T>
void put_rows(const Rows& r, T* to, const T* from, int64_t stride) {
  const Strides* const strides[] = {&r.x_strides, &r.row_strides};
  // Tasks share what a row holds, not the rows: of equal places the last one counts, or they are added in their order.
  constexpr int64_t kPiece = 256;
  const int64_t pieces = (r.n + kPiece - 1) / kPiece, count = static_cast<int64_t>(r.offset.size());
  const int64_t work = count * std::min(r.n, kPiece);
  // Rows that are summed in f32 and rounded once: those of one place follow each other.
  std::vector<int64_t> order;
  if constexpr (kAdd && kHalf<T>) {
    order.resize(r.offset.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](int64_t i) { return r.offset[static_cast<size_t>(i)]; });
  }
  parallel_for(r.lines * pieces, std::max<int64_t>(kGrainBytes / (work * 8), 1), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % pieces * kPiece, size = std::min(kPiece, r.n - first), line = task / pieces;
      for_lines(r.rest, r.last, strides, line, line + 1, [&](const int64_t* o) {
        const auto target = [&](int64_t i) { return to + o[0] + r.offset[static_cast<size_t>(i)] + first * r.x_step; };
        const auto row = [&](int64_t i) { return from + o[1] + i * stride + first * r.row_step; };
        if constexpr (kAdd && kHalf<T>) {
          for (size_t k = 0; k < order.size();) {
            T* const t = target(order[k]);
            Sum<T> sum[kPiece];
            for (int64_t j = 0; j < size; ++j) sum[j] = static_cast<Sum<T>>(t[j * r.x_step]);
            for (; k < order.size() && target(order[k]) == t; ++k) {
              const T* const f = row(order[k]);
              for (int64_t j = 0; j < size; ++j) sum[j] = plus(sum[j], f[j * r.row_step]);
            }
            for (int64_t j = 0; j < size; ++j) t[j * r.x_step] = static_cast<T>(sum[j]);
          }
        } else {
          for (int64_t i = 0; i < count; ++i) {
            T* const t = target(i);
            const T* const f = row(i);
            for (int64_t j = 0; j < size; ++j) {
              if constexpr (kAdd) t[j * r.x_step] = plus(t[j * r.x_step], f[j * r.row_step]);
              else t[j * r.x_step] = f[j * r.row_step];
            }
          }
        }
      });
    }
  });
}

template <bool kAdd>
void put_rows(const Tensor& out, const Rows& r, const Tensor& source, int64_t stride) {
  const auto put = [&]<class T>(T) {
    put_rows<kAdd>(r, static_cast<T*>(out.impl()->data()), static_cast<const T*>(source.raw_data()), stride);
  };
  if constexpr (kAdd) visit(out.dtype(), [&]<class T>() { put(T{}); });
  else by_size(out, put);
}

}  // namespace

void index_add(OpCall& c) {
  const Tensor &out = c.out[0], &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (source.numel() == 0) return;
  const int d = dim_of(c);
  const Rows r(c.op.name, {d}, c.input(1), out.shape(), out.strides(), without(source.strides(), d));
  put_rows<true>(out, r, source, source.strides()[d]);
}

void index(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const Rows r(c, x, out);
  const Strides* const strides[] = {&r.x_strides, &r.row_strides};
  const int64_t stride = out.strides()[0];
  by_size(out, [&]<class T>(T) {
    T* to = static_cast<T*>(out.impl()->data());
    const T* from = static_cast<const T*>(x.raw_data());
    const auto bytes = static_cast<size_t>(r.n) * sizeof(T);
    parallel_for(static_cast<int64_t>(r.offset.size()),
                 std::max<int64_t>(kGrainBytes / (r.lines * static_cast<int64_t>(bytes)), 1),
                 [&](int64_t begin, int64_t end) {
                   if (r.lines == 1 && r.n == 1) {
                     for (int64_t i = begin; i < end; ++i) to[i * stride] = from[r.offset[static_cast<size_t>(i)]];
                     return;
                   }
                   for (int64_t i = begin; i < end; ++i) {
                     for_lines(r.rest, r.last, strides, 0, r.lines, [&](const int64_t* o) {
                       T* t = to + o[1] + i * stride;
                       const T* f = from + o[0] + r.offset[static_cast<size_t>(i)];
                       if (r.x_step == 1 && r.row_step == 1) std::memcpy(t, f, bytes);
                       else
                         for (int64_t j = 0; j < r.n; ++j) t[j * r.row_step] = f[j * r.x_step];
                     });
                   }
                 });
  });
}

void index_put(OpCall& c) {
  copy_tensor(c.out[0], c.input(0));
  const Tensor &out = c.out[0], &source = c.input(2);
  if (source.numel() == 0) return;
  const Rows r(c, out, source);
  if (c.attrs_as<IndexAttrs>().accumulate) put_rows<true>(out, r, source, source.strides()[0]);
  else put_rows<false>(out, r, source, source.strides()[0]);
}

namespace {

void fill_zero(const Tensor& t) {
  char* const at = static_cast<char*>(t.impl()->data());
  parallel_for(static_cast<int64_t>(t.nbytes()), 256 << 10,
               [&](int64_t begin, int64_t end) { std::memset(at + begin, 0, static_cast<size_t>(end - begin)); });
}

}  // namespace

void embedding(OpCall& c) {
  const Tensor &weight = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const int64_t d = weight.shape()[1], row = weight.strides()[0], step = weight.strides()[1];
  const Tensor flat = row_major(c.input(1));
  const Indices at(c.op.name, flat, weight.shape()[0]);
  by_size(out, [&]<class T>(T) {
    T* const to = static_cast<T*>(out.impl()->data());
    const T* const from = static_cast<const T*>(weight.raw_data());
    const auto bytes = static_cast<size_t>(d) * sizeof(T);
    parallel_for(flat.numel(), std::max<int64_t>(kGrainBytes / static_cast<int64_t>(bytes), 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const T* const f = from + at.at(i) * row;
                     if (step == 1) std::memcpy(to + i * d, f, bytes);
                     else
                       for (int64_t k = 0; k < d; ++k) to[i * d + k] = f[k * step];
                   }
                 });
  });
}

void embedding_grad(OpCall& c) {
  const auto& a = c.attrs_as<EmbeddingAttrs>();
  const Tensor& out = c.out[0];
  const int64_t d = out.shape()[1];
  fill_zero(out);
  const Tensor flat = row_major(c.input(1)), gradient = row_major(c.input(0));
  if (gradient.numel() == 0) return;
  Rows r(c.op.name, {0}, hearth::detail::alias(flat, Layout({flat.numel()}, {1}, flat.storage_offset()), true),
         out.shape(), out.strides(), Strides{1});
  put_rows<true>(out, r, gradient, d);
  // The padding's row has summed what nobody asked for.
  if (a.padding)
    std::memset(static_cast<char*>(out.impl()->data()) + *a.padding * d * static_cast<int64_t>(out.itemsize()), 0,
                static_cast<size_t>(d) * out.itemsize());
}

}  // namespace hearth::cpu
