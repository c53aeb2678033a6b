// The greatest or least of each line and its first place; of a line with NaNs, the first of them. Long lines are cut
// into pieces, which several cores search: a comparison has one result whatever their number.
#include <algorithm>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/arg_reduce_loops.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/reduce.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/arg_reduce.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <bool kMax, class T>
HWY_INLINE Vec<T> better_of(Vec<T> a, Vec<T> b) {
  return kMax ? max(a, b) : min(a, b);
}

template <bool kMax, class T>
T extreme(const T* x, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  T best = x[0];
  int64_t i = 0;
  if (n >= 4 * lanes) {
    Vec<T> a = Vec<T>::load(x), b = Vec<T>::load(x + lanes), c = Vec<T>::load(x + 2 * lanes),
           d = Vec<T>::load(x + 3 * lanes);
    for (i = 4 * lanes; i + 4 * lanes <= n; i += 4 * lanes) {
      a = better_of<kMax>(a, Vec<T>::load(x + i));
      b = better_of<kMax>(b, Vec<T>::load(x + i + lanes));
      c = better_of<kMax>(c, Vec<T>::load(x + i + 2 * lanes));
      d = better_of<kMax>(d, Vec<T>::load(x + i + 3 * lanes));
    }
    HWY_ALIGN T parts[kMaxLanes<T>];
    better_of<kMax>(better_of<kMax>(a, b), better_of<kMax>(c, d)).store(parts);
    best = parts[0];
    for (int64_t k = 1; k < lanes; ++k) best = beats<kMax>(parts[k], best) ? parts[k] : best;
  }
  for (; i < n; ++i) best = beats<kMax>(x[i], best) ? x[i] : best;
  return best;
}

template <bool kMax, class T>
void columns(const T* HWY_RESTRICT x, int64_t n, int64_t place, T* HWY_RESTRICT best, int64_t* HWY_RESTRICT places) {
  for (int64_t j = 0; j < n; ++j) {
    const bool take = beats<kMax>(x[j], best[j]);
    best[j] = take ? x[j] : best[j];
    places[j] = take ? place : places[j];
  }
}

template <bool kMax, class T>
constexpr ArgReduceLoops<T> kLoops{extreme<kMax, T>, columns<kMax, T>};

template <bool kMax>
const void* loops_of(DType t) {
  if (t == DType::kF32) return &kLoops<kMax, float>;
  if (t == DType::kF64) return &kLoops<kMax, double>;
  return &kLoops<kMax, int64_t>;
}
const void* arg_reduce_loops(bool max, DType t) { return max ? loops_of<true>(t) : loops_of<false>(t); }

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(arg_reduce_loops);

namespace {

constexpr int64_t kBlock = 1024;     // elements that are read, and converted, at once
constexpr int64_t kPiece = 1 << 16;  // elements of a task, about

// `lines` x `size` x `after` numbers in row-major order; the middle dimension is searched.
struct Problem {
  int64_t lines, size, after;
};

template <class T>
struct Found {
  T* best;
  int64_t* places;
};

// Places [begin, end) of one line whose elements lie side by side.
template <bool kMax, class T>
void search_row(const DenseReader<T>& in, const ArgReduceLoops<T>& loops, int64_t line_at, int64_t begin, int64_t end,
                const Found<T>& found) {
  HWY_ALIGN T buffer[kBlock];
  T best{};
  int64_t block = begin;
  for (int64_t i = begin; i < end; i += kBlock) {
    const int64_t n = std::min(kBlock, end - i);
    const T e = loops.extreme(in.read(line_at + i, n, buffer), n);
    if (i > begin && !beats<kMax>(e, best)) continue;
    best = e;
    block = i;
    if (e != e) break;
  }
  const T* x = in.read(line_at + block, std::min(kBlock, end - block), buffer);
  int64_t k = 0;
  while (best == best ? x[k] != best : x[k] == x[k]) ++k;
  *found.best = x[k];  // the first of equals: of 0 and -0 its own sign
  *found.places = block + k;
}

// The same of neighbouring columns, `width` of them from `column` on, whose elements lie `after` apart.
template <bool kMax, class T>
void search_columns(const DenseReader<T>& in, const ArgReduceLoops<T>& loops, const Problem& p, int64_t first,
                    int64_t width, int64_t begin, int64_t end, const Found<T>& found) {
  HWY_ALIGN T buffer[kBlock];
  std::copy_n(in.read(first + begin * p.after, width, buffer), width, found.best);
  std::fill_n(found.places, width, begin);
  for (int64_t i = begin + 1; i < end; ++i) {
    loops.columns(in.read(first + i * p.after, width, buffer), width, i, found.best, found.places);
  }
}

template <bool kMax, class T>
void search(const Tensor& x, const Problem& p, T* best, int64_t* places) {
  const auto& loops = *static_cast<const ArgReduceLoops<T>*>(HWY_DYNAMIC_DISPATCH(arg_reduce_loops)(kMax, dtype_of<T>));
  const DenseReader<T> in(x);
  const int64_t width = std::min(p.after, kBlock), groups = (p.after + width - 1) / width;
  const int64_t span = std::max<int64_t>(kPiece / width, 1), pieces = (p.size + span - 1) / span;
  const int64_t outputs = p.lines * p.after;
  std::vector<T> more_best(static_cast<size_t>((pieces - 1) * outputs));
  std::vector<int64_t> more_places(more_best.size());
  const int64_t grain = std::max<int64_t>(kPiece / (width * std::min(span, p.size)), 1);
  parallel_for(p.lines * groups * pieces, grain, [&](int64_t from, int64_t to) {
    for (int64_t task = from; task < to; ++task) {
      const int64_t piece = task % pieces, line = task / pieces / groups, column = task / pieces % groups * width;
      const int64_t begin = piece * span, end = std::min(begin + span, p.size), at = line * p.after + column;
      const Found<T> found = piece == 0 ? Found<T>{best + at, places + at}
                                        : Found<T>{more_best.data() + (piece - 1) * outputs + at,
                                                   more_places.data() + (piece - 1) * outputs + at};
      const int64_t first = line * p.size * p.after + column;
      if (p.after == 1) search_row<kMax>(in, loops, first, begin, end, found);
      else search_columns<kMax>(in, loops, p, first, std::min(width, p.after - column), begin, end, found);
    }
  });
  if (pieces == 1) return;
  parallel_for(outputs, std::max<int64_t>(16384 / pieces, 1), [&](int64_t from, int64_t to) {
    for (int64_t piece = 0; piece + 1 < pieces; ++piece) {
      for (int64_t at = from; at < to; ++at) {
        const auto k = static_cast<size_t>(piece * outputs + at);
        if (!beats<kMax>(more_best[k], best[at])) continue;
        best[at] = more_best[k];
        places[at] = more_places[k];
      }
    }
  });
}

template <bool kMax>
void arg_reduce(OpCall& c, const Tensor* values, const Tensor& indices) {
  const auto& a = c.attrs_as<ArgAttrs>();
  const Tensor& x = c.input(0);
  if (indices.numel() == 0) return;
  Problem p{1, x.numel(), 1};
  if (a.dim && x.dim()) {
    const int d = wrap_dim(*a.dim, x.dim(), c.op.name);
    p.size = x.shape()[d];
    for (int k = d + 1; k < x.dim(); ++k) p.after *= x.shape()[k];
    p.lines = x.numel() / p.size / p.after;
  }
  const auto go = [&]<class T>(T) {
    std::vector<T> best(static_cast<size_t>(indices.numel()));
    std::vector<int64_t> places(best.size());
    search<kMax>(x, p, best.data(), places.data());
    write_all(indices, places);
    if (values) write_all(*values, best);
  };
  const DType compute = compute_type(c.dtype);
  if (compute == DType::kF32) go(float{});
  else if (compute == DType::kF64) go(double{});
  else go(int64_t{});
}

}  // namespace

void argmax(OpCall& c) { arg_reduce<true>(c, nullptr, c.out[0]); }
void argmin(OpCall& c) { arg_reduce<false>(c, nullptr, c.out[0]); }
void max_dim(OpCall& c) { arg_reduce<true>(c, &c.out[0], c.out[1]); }
void min_dim(OpCall& c) { arg_reduce<false>(c, &c.out[0], c.out[1]); }

}  // namespace hearth::cpu
#endif
