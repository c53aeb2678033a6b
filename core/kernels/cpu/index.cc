#include "core/kernels/cpu/index.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/copy.h"
#include "core/op/attrs/reduce.h"
#include "core/op/attrs/view.h"
#include "core/op/op_call.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kGrainBytes = 64 << 10;

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

// Walks all indices of a shape but dimension `skip`, giving each tensor's offset; f(offsets).
template <int kTensors, class F>
void for_lines(const Shape& shape, int skip, const Strides* const (&strides)[kTensors], int64_t begin, int64_t end,
               F f) {
  for (int64_t line = begin; line < end; ++line) {
    int64_t rest = line, offset[kTensors] = {};
    for (int d = shape.rank(); d-- > 0;) {
      if (d == skip) continue;
      const int64_t i = rest % shape[d];
      rest /= shape[d];
      for (int k = 0; k < kTensors; ++k) offset[k] += i * (*strides[k])[d];
    }
    f(offset);
  }
}

int64_t lines_of(const Shape& shape, int skip) {
  int64_t n = 1;
  for (int d = 0; d < shape.rank(); ++d) n *= d == skip ? 1 : shape[d];
  return n;
}

template <class F>
void by_size(const Tensor& t, F f) {
  switch (t.itemsize()) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

template <class T>
constexpr bool kHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Where sums over elements of T are collected: in the tensor itself, but for f16 and bf16 in f32, to be rounded once.
// f(pointer, strides); T's tensor holds what is added to.
template <class T, class F>
void with_sums(const Tensor& out, F f) {
  if constexpr (kHalf<T>) {
    const Tensor wide = detail::empty(out.shape(), DType::kF32, out.device());
    copy_tensor(wide, out);
    f(static_cast<float*>(wide.impl()->data()), wide.strides());
    copy_tensor(out, wide);
  } else {
    f(static_cast<T*>(out.impl()->data()), out.strides());
  }
}

template <class A, class T>
A plus(A a, T b) {
  if constexpr (kHalf<T>) return a + static_cast<A>(static_cast<float>(b));
  else if constexpr (std::is_same_v<T, bool>) return a || b;
  else return static_cast<A>(a + b);
}

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
  const auto run = [&]<class T, class A>(T, A* to, const Strides& to_strides) {
    const Strides* const strides[] = {&to_strides, &index.strides(), &source.strides()};
    const int64_t os = out.dim() ? to_strides[d] : 0;
    const T* from = static_cast<const T*>(source.raw_data());
    parallel_for(lines, std::max<int64_t>(kGrainBytes / (n * 8), 1), [&](int64_t begin, int64_t end) {
      for_lines(shape, d, strides, begin, end, [&](const int64_t* o) {
        for (int64_t i = 0; i < n; ++i) {
          A& t = to[o[0] + at.at(o[1] + i * is) * os];
          if constexpr (kAdd) t = plus(t, from[o[2] + i * ss]);
          else t = from[o[2] + i * ss];
        }
      });
    });
  };
  if constexpr (kAdd) {
    visit(out.dtype(), [&]<class T>() {
      with_sums<T>(out, [&](auto* to, const Strides& to_strides) { run(T{}, to, to_strides); });
    });
  } else {
    by_size(out, [&]<class T>(T zero) { run(zero, static_cast<T*>(out.impl()->data()), out.strides()); });
  }
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
  const Strides* const strides[] = {&out.strides(), &x.strides()};
  const int64_t lines = lines_of(outer, d), item = static_cast<int64_t>(x.itemsize()), bytes = inner * item;
  char* to = static_cast<char*>(out.impl()->data());
  const char* from = static_cast<const char*>(x.raw_data());
  parallel_for(n, std::max<int64_t>(kGrainBytes / std::max<int64_t>(bytes * lines, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t row = at.at(i * is);
                   for_lines(outer, d, strides, 0, lines, [&](const int64_t* o) {
                     std::memcpy(to + (o[0] + i * out.strides()[d]) * item, from + (o[1] + row * x.strides()[d]) * item,
                                 static_cast<size_t>(bytes));
                   });
                 }
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

void index_add(OpCall& c) {
  const Tensor &out = c.out[0], &index = c.input(1), &source = c.input(2);
  copy_tensor(out, c.input(0));
  if (source.numel() == 0) return;
  const int d = dim_of(c);
  const Indices at(c.op.name, index, out.shape()[d]);
  const int64_t n = index.numel(), is = index.dim() ? index.strides()[0] : 0;
  const Shape& shape = source.shape();
  const int64_t lines = lines_of(shape, d);
  visit(out.dtype(), [&]<class T>() {
    with_sums<T>(out, [&](auto* to, const Strides& to_strides) {
      const Strides* const strides[] = {&to_strides, &source.strides()};
      const T* from = static_cast<const T*>(source.raw_data());
      // Tasks share lines, not indices: equal indices are added in their order.
      parallel_for(lines, std::max<int64_t>(lines / 16, 256), [&](int64_t begin, int64_t end) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t row = at.at(i * is);
          for_lines(shape, d, strides, begin, end, [&](const int64_t* o) {
            auto& t = to[o[0] + row * to_strides[d]];
            t = plus(t, from[o[1] + i * source.strides()[d]]);
          });
        }
      });
    });
  });
}

namespace {

// Rows of a tensor: the places of some of its dimensions against all other dimensions, of which the last is walked as
// one line.
struct Rows {
  std::vector<int64_t> offset;  // of each place that is named
  Shape rest;
  Strides x_strides, row_strides;  // of `rest` in the tensor and in the rows
  int last;
  int64_t n, x_step, row_step, lines;

  Rows(const OpCall& c, const Shape& shape, const Strides& x_steps, const Tensor& rows) {
    const Dims& dims = c.attrs_as<IndexAttrs>().dims;
    int64_t total = 1;
    unsigned named = 0;
    for (int64_t d : dims) {
      total *= shape[static_cast<int>(d)];
      named |= 1u << d;
    }
    const Tensor& index = c.input(1);
    const Indices at(c.op.name, index, total);
    offset.resize(static_cast<size_t>(index.numel()));
    if (dims.rank() == 1) {
      const int64_t step = x_steps[static_cast<int>(dims[0])], is = index.strides()[0];
      for (size_t i = 0; i < offset.size(); ++i) offset[i] = at.at(static_cast<int64_t>(i) * is) * step;
    }
    for (size_t i = 0; dims.rank() > 1 && i < offset.size(); ++i) {
      int64_t place = at.at(static_cast<int64_t>(i) * index.strides()[0]);
      for (int k = dims.rank(); k-- > 0;) {
        const int d = static_cast<int>(dims[k]);
        offset[i] += place % shape[d] * x_steps[d];
        place /= shape[d];
      }
    }
    for (int d = 0, r = 1; d < shape.rank(); ++d) {
      if (named >> d & 1) continue;
      rest.push_back(shape[d]);
      x_strides.push_back(x_steps[d]);
      row_strides.push_back(rows.strides()[r++]);
    }
    last = rest.rank() - 1;
    n = last < 0 ? 1 : rest[last];
    x_step = last < 0 ? 0 : x_strides[last];
    row_step = last < 0 ? 0 : row_strides[last];
    lines = lines_of(rest, last);
  }
};

// `to`: the memory that `r` lies in; of sums it may be wider than the source.
template <bool kAdd, class A, class T>
void put_rows(const Rows& r, A* to, const T* from, int64_t stride) {
  const Strides* const strides[] = {&r.x_strides, &r.row_strides};
  // Tasks share what a row holds, not the rows: of equal places the last one counts, or they are added in their order.
  constexpr int64_t kPiece = 4096;
  const int64_t pieces = (r.n + kPiece - 1) / kPiece, count = static_cast<int64_t>(r.offset.size());
  const int64_t work = count * std::min(r.n, kPiece);
  parallel_for(r.lines * pieces, std::max<int64_t>(kGrainBytes / (work * 8), 1), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % pieces * kPiece, until = std::min(first + kPiece, r.n), line = task / pieces;
      for_lines(r.rest, r.last, strides, line, line + 1, [&](const int64_t* o) {
        for (int64_t i = 0; i < count; ++i) {
          A* t = to + o[0] + r.offset[static_cast<size_t>(i)];
          const T* f = from + o[1] + i * stride;
          for (int64_t j = first; j < until; ++j) {
            if constexpr (kAdd) t[j * r.x_step] = plus(t[j * r.x_step], f[j * r.row_step]);
            else t[j * r.x_step] = f[j * r.row_step];
          }
        }
      });
    }
  });
}

template <bool kAdd>
void put_rows(const OpCall& c) {
  const Tensor &out = c.out[0], &source = c.input(2);
  const int64_t stride = source.strides()[0];
  if constexpr (kAdd) {
    visit(out.dtype(), [&]<class T>() {
      const T* from = static_cast<const T*>(source.raw_data());
      with_sums<T>(out, [&](auto* to, const Strides& to_strides) {
        put_rows<true>(Rows(c, out.shape(), to_strides, source), to, from, stride);
      });
    });
  } else {
    by_size(out, [&]<class T>(T) {
      put_rows<false>(Rows(c, out.shape(), out.strides(), source), static_cast<T*>(out.impl()->data()),
                      static_cast<const T*>(source.raw_data()), stride);
    });
  }
}

}  // namespace

void index(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const Rows r(c, x.shape(), x.strides(), out);
  const Strides* const strides[] = {&r.x_strides, &r.row_strides};
  const int64_t stride = out.strides()[0];
  by_size(out, [&]<class T>(T) {
    T* to = static_cast<T*>(out.impl()->data());
    const T* from = static_cast<const T*>(x.raw_data());
    const int64_t row_bytes = r.lines * r.n * static_cast<int64_t>(sizeof(T));
    parallel_for(static_cast<int64_t>(r.offset.size()), std::max<int64_t>(kGrainBytes / row_bytes, 1),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     for_lines(r.rest, r.last, strides, 0, r.lines, [&](const int64_t* o) {
                       T* t = to + o[1] + i * stride;
                       const T* f = from + o[0] + r.offset[static_cast<size_t>(i)];
                       for (int64_t j = 0; j < r.n; ++j) t[j * r.row_step] = f[j * r.x_step];
                     });
                   }
                 });
  });
}

void index_put(OpCall& c) {
  copy_tensor(c.out[0], c.input(0));
  if (c.input(2).numel() == 0) return;
  return c.attrs_as<IndexAttrs>().accumulate ? put_rows<true>(c) : put_rows<false>(c);
}

void cumsum(OpCall& c) {
  const Tensor &x = c.input(0), &out = c.out[0];
  if (out.numel() == 0) return;
  const int d = dim_of(c);
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
