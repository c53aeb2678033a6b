#include "core/kernels/iterate/reduce.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/convert.h"
#include "core/kernels/iterate/loop.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kColumns = 512;       // kept elements that are accumulated together
constexpr int64_t kFold = 256;          // rows after which column sums go over into the wider type
constexpr int64_t kChunk = 128 * 1024;  // elements of one task

// The input as kept and reduced dimensions, each outermost first.
struct Space {
  int kept = 0, reduced = 0;
  int64_t kept_size[kMaxRank], kept_in[kMaxRank], kept_out[kMaxRank];
  int64_t reduced_size[kMaxRank], reduced_in[kMaxRank];
  int64_t outputs = 1, reductions = 1;

  // Offset of a linear index, with sizes and strides of `n` dimensions.
  static int64_t offset(int64_t i, int n, const int64_t* size, const int64_t* stride) {
    int64_t at = 0;
    for (int d = n; d-- > 0;) {
      at += i % size[d] * stride[d];
      i /= size[d];
    }
    return at;
  }
};

Space analyse(const Layout& in, const Layout& out) {
  Loop<2> loop{};
  const Layout* layouts[] = {&in, &out};
  loop.build(in.shape, layouts, 2);
  Space s;
  for (int d = 0; d < loop.rank; ++d) {
    if (loop.stride[1][d] == 0) {
      s.reduced_size[s.reduced] = loop.size[d];
      s.reduced_in[s.reduced++] = loop.stride[0][d];
      s.reductions *= loop.size[d];
    } else {
      s.kept_size[s.kept] = loop.size[d];
      s.kept_in[s.kept] = loop.stride[0][d];
      s.kept_out[s.kept++] = loop.stride[1][d];
      s.outputs *= loop.size[d];
    }
  }
  return s;
}

// Elements of a strided run, in the compute type: in place if they lie so already, else in the buffer.
template <class T>
struct Reader {
  const char* data;
  int64_t item;
  ConvertFn convert;  // null: T already

  const T* read(int64_t at, int64_t stride, int64_t n, T* buffer) const {
    const char* p = data + at * item;
    if (stride == 1) {
      if (!convert) return reinterpret_cast<const T*>(p);
      convert(p, buffer, n);
      return buffer;
    }
    if (!convert) {
      for (int64_t i = 0; i < n; ++i) buffer[i] = reinterpret_cast<const T*>(p)[i * stride];
      return buffer;
    }
    for (int64_t i = 0; i < n; ++i) convert(p + i * stride * item, buffer + i, 1);
    return buffer;
  }
};

// Rows run along a reduced dimension: outputs [first, last), reductions [begin, end) of each.
template <class T, class A>
void reduce_rows(const Space& s, const Reader<T>& in, const ReduceBody<T, A>& body, int64_t first, int64_t last,
                 int64_t begin, int64_t end, A* results) {
  alignas(64) T buffer[kReduceBlock];
  const int inner = s.reduced - 1;
  const int64_t inner_size = s.reduced ? s.reduced_size[inner] : 1, stride = s.reduced ? s.reduced_in[inner] : 1;
  for (int64_t o = first; o < last; ++o) {
    const int64_t base = Space::offset(o, s.kept, s.kept_size, s.kept_in);
    A total = body.init;
    for (int64_t r = begin; r < end;) {
      const int64_t column = r % inner_size;
      const int64_t n = std::min({end - r, inner_size - column, kReduceBlock});
      const int64_t at =
          base + Space::offset(r / inner_size, std::max(inner, 0), s.reduced_size, s.reduced_in) + column * stride;
      total = body.combine(total, body.row(in.read(at, stride, n, buffer), n));
      r += n;
    }
    results[o - first] = total;
  }
}

// Rows run along the innermost kept dimension: columns [first, last) of the outputs of one row, reductions [begin,
// end).
template <class T, class A>
void reduce_columns(const Space& s, const Reader<T>& in, const ReduceBody<T, A>& body, int64_t first, int64_t last,
                    int64_t begin, int64_t end, A* results) {
  alignas(64) T buffer[kColumns];
  alignas(64) T acc[kColumns];
  const int64_t n = last - first, stride = s.kept_in[s.kept - 1];
  const int64_t base = Space::offset(first, s.kept, s.kept_size, s.kept_in);
  std::fill_n(results, n, body.init);
  for (int64_t r = begin; r < end;) {
    const int64_t stop = std::min(end, r + kFold);
    const T* x = in.read(base + Space::offset(r, s.reduced, s.reduced_size, s.reduced_in), stride, n, buffer);
    if (body.first) body.first(acc, x, n);
    else std::copy_n(x, n, acc);
    for (++r; r < stop; ++r) {
      body.column(acc, in.read(base + Space::offset(r, s.reduced, s.reduced_size, s.reduced_in), stride, n, buffer), n);
    }
    for (int64_t i = 0; i < n; ++i) results[i] = body.combine(results[i], static_cast<A>(acc[i]));
  }
}

template <class T, class A>
void reduce(const Layout& in_layout, const Reader<T>& in, const Tensor& out, const ReduceBody<T, A>& body,
            double factor) {
  const Space s = analyse(in_layout, out.layout());
  const DType wide = dtype_of<A>;
  const ConvertFn store = convert_fn(wide, out.dtype());
  char* out_data = static_cast<char*>(out.impl()->data());
  const int64_t out_item = static_cast<int64_t>(size_of(out.dtype()));
  const auto write = [&](int64_t first, A* values, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (std::is_same_v<A, double>) values[i] *= factor;
      store(values + i, out_data + Space::offset(first + i, s.kept, s.kept_size, s.kept_out) * out_item, 1);
    }
  };
  // Which way is the memory walked: along the dimension of the smallest stride.
  const int64_t kept_step = s.kept ? s.kept_in[s.kept - 1] : INT64_MAX;
  const int64_t reduced_step = s.reduced ? s.reduced_in[s.reduced - 1] : INT64_MAX;
  const bool columns = s.kept > 0 && s.reduced > 0 && kept_step < reduced_step && s.kept_size[s.kept - 1] > 4;
  // A group of outputs is one task, or several where one output has very many elements.
  const int64_t inner = columns ? s.kept_size[s.kept - 1] : 0;
  const int64_t per_row = columns ? (inner + kColumns - 1) / kColumns : 0;
  const int64_t width = columns ? std::min(inner, kColumns)
                                : std::clamp<int64_t>(kChunk / std::max<int64_t>(s.reductions, 1), 1, kColumns);
  const int64_t groups = columns ? s.outputs / inner * per_row : (s.outputs + width - 1) / width;
  const int64_t span =
      std::max<int64_t>(kChunk / width / (columns ? kFold : kReduceBlock), 1) * (columns ? kFold : kReduceBlock);
  const int64_t pieces = std::max<int64_t>((s.reductions + span - 1) / span, 1);
  const auto bounds = [&](int64_t group, int64_t& first, int64_t& last) {
    if (columns) {
      first = group / per_row * inner + group % per_row * kColumns;
      last = std::min(first + kColumns, (group / per_row + 1) * inner);
    } else {
      first = group * width;
      last = std::min(first + width, s.outputs);
    }
  };
  std::vector<A> partial(pieces > 1 ? static_cast<size_t>(groups * pieces * width) : 0u);
  const int64_t task_elements = width * std::min(span, std::max<int64_t>(s.reductions, 1));
  const int64_t grain = std::max<int64_t>(kChunk / std::max<int64_t>(task_elements, 1), 1);
  parallel_for(groups * pieces, grain, [&](int64_t from, int64_t to) {
    A local[kColumns];
    for (int64_t task = from; task < to; ++task) {
      int64_t first, last;
      bounds(task / pieces, first, last);
      const int64_t begin = task % pieces * span, end = std::min(begin + span, s.reductions);
      A* results = pieces > 1 ? partial.data() + task * width : local;
      if (columns) {
        reduce_columns(s, in, body, first, last, begin, end, results);
      } else {
        reduce_rows(s, in, body, first, last, begin, end, results);
      }
      if (pieces == 1) write(first, results, last - first);
    }
  });
  if (pieces == 1) return;
  for (int64_t g = 0; g < groups; ++g) {
    int64_t first, last;
    bounds(g, first, last);
    A* results = partial.data() + g * pieces * width;
    for (int64_t k = 1; k < pieces; ++k) {
      for (int64_t i = 0; i < last - first; ++i) results[i] = body.combine(results[i], results[k * width + i]);
    }
    write(first, results, last - first);
  }
}

}  // namespace

void run_reduce(OpCall& c, const Tensor& out, const ReduceBodies& bodies, double factor) {
  const Tensor& in = c.input(0);
  if (out.numel() == 0) return;
  const DType compute = compute_type(c.dtype);
  const auto go = [&]<class T, class A>(const ReduceBody<T, A>& body) {
    if (!body.row) fail(ErrorKind::kInternal, c.op.name, ": no body computes in ", compute);
    const Reader<T> reader{static_cast<const char*>(in.raw_data()), static_cast<int64_t>(in.itemsize()),
                           in.dtype() == compute ? nullptr : convert_fn(in.dtype(), compute)};
    if (in.numel() == 0) {
      A value = body.init;
      if constexpr (std::is_same_v<A, double>) value *= factor;
      const Layout& l = out.layout();
      for (int64_t i = 0; i < out.numel(); ++i) {
        const int64_t at = Space::offset(i, l.rank(), l.shape.data(), l.strides.data());
        convert_fn(dtype_of<A>, out.dtype())(
            &value, static_cast<char*>(out.impl()->data()) + at * static_cast<int64_t>(out.itemsize()), 1);
      }
      return;
    }
    reduce(in.layout(), reader, out, body, factor);
  };
  if (compute == DType::kF32) return go(bodies.f32);
  if (compute == DType::kF64) return go(bodies.f64);
  go(bodies.i64);
}

}  // namespace hearth::cpu
