// log(sum(exp(x))), and sums of squared deviations from the mean, in one pass over the operand.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/line_reduce_rows.h"
#include "core/kernels/reduce.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/line_reduce.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
LogSum log_sum(const T* x, int64_t n) {
  const T top = largest(x, n);
  const double wide = static_cast<double>(top);
  if (!std::isfinite(top)) return {wide, wide < 0 ? 0.0 : 1.0};
  return {wide, exponentials<T, false>(x, nullptr, n, top)};
}

// The mean first, as good as T gives it; what it is off by is taken out of both results.
template <class T>
Moments moments(const T* x, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes()), whole = n / (2 * lanes) * 2 * lanes;
  Vec<T> a, b;
  for (int64_t i = 0; i < whole; i += 2 * lanes) {
    a = a + Vec<T>::load(x + i);
    b = b + Vec<T>::load(x + i + lanes);
  }
  double sum = static_cast<double>(sum_of_lanes(a + b));
  for (int64_t i = whole; i < n; ++i) sum += static_cast<double>(x[i]);
  const double count = static_cast<double>(n);
  const T near = static_cast<T>(sum / count);
  const Vec<T> centre(near);
  Vec<T> off_a, off_b, squares_a, squares_b;
  for (int64_t i = 0; i < whole; i += 2 * lanes) {
    const Vec<T> p = Vec<T>::load(x + i) - centre, q = Vec<T>::load(x + i + lanes) - centre;
    off_a = off_a + p;
    off_b = off_b + q;
    squares_a = squares_a + p * p;
    squares_b = squares_b + q * q;
  }
  double off = static_cast<double>(sum_of_lanes(off_a + off_b)),
         squares = static_cast<double>(sum_of_lanes(squares_a + squares_b));
  for (int64_t i = whole; i < n; ++i) {
    const double p = static_cast<double>(x[i] - near);
    off += p;
    squares += p * p;
  }
  return {count, static_cast<double>(near) + off / count, squares - off * off / count};
}

template <class T>
constexpr LineReduceRows<T> kRows{log_sum<T>, moments<T>};

const void* line_reduce_rows(bool is_double) {
  return is_double ? static_cast<const void*>(&kRows<double>) : static_cast<const void*>(&kRows<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(line_reduce_rows);

namespace {

constexpr int64_t kBlock = 1024;     // elements that are read, and converted, at once
constexpr int64_t kPiece = 1 << 16;  // elements of a task

LogSum joined(const LogSum& a, const LogSum& b) {
  if (std::isnan(a.top) || std::isnan(b.top)) return {std::numeric_limits<double>::quiet_NaN(), 1};
  const double top = std::max(a.top, b.top);
  if (std::isinf(top)) return {top, top < 0 ? 0.0 : 1.0};
  return {top, a.sum * std::exp(a.top - top) + b.sum * std::exp(b.top - top)};
}
double result(const LogSum& s) { return s.top + std::log(s.sum); }

Moments joined(const Moments& a, const Moments& b) {
  const double count = a.count + b.count, apart = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}
double result(const Moments& m) { return m.squares; }

// The operand with the reduced dimensions at its end.
Tensor reduced_last(const Tensor& x, const Dims& dims, const char* op) {
  Shape shape;
  Strides strides;
  for (const bool last : {false, true}) {
    for (int d = 0; d < x.dim(); ++d) {
      bool reduced = dims.empty();
      for (const int64_t r : dims) reduced |= wrap_dim(r, x.dim(), op) == d;
      if (reduced != last) continue;
      shape.push_back(x.shape()[d]);
      strides.push_back(x.strides()[d]);
    }
  }
  return detail::alias(x, Layout(shape, strides, x.storage_offset()), true);
}

// State: what is known of some elements of a line. Lines are cut into pieces that depend on the shape alone, and what
// is known of them is joined in their order: the bits are the same for any number of threads.
template <class State, class T, class F>
void reduce_lines(OpCall& c, State none, F row) {
  const Dims& dims = c.attrs_as<ReduceAttrs>().dims;
  const int64_t lines = c.out[0].numel();
  if (lines == 0) return;
  std::vector<double> results(static_cast<size_t>(lines), result(none));
  const int64_t n = c.input(0).numel() / lines;
  if (n > 0) {
    const DenseReader<T> in(reduced_last(c.input(0), dims, c.op.name));
    const int64_t pieces = (n + kPiece - 1) / kPiece;
    std::vector<State> states(pieces > 1 ? static_cast<size_t>(lines * pieces) : 0u);
    parallel_for(lines * pieces, std::max<int64_t>(kPiece / std::min(n, kPiece) / 4, 1), [&](int64_t from, int64_t to) {
      HWY_ALIGN T buffer[kBlock];
      for (int64_t task = from; task < to; ++task) {
        const int64_t line = task / pieces, begin = task % pieces * kPiece, end = std::min(begin + kPiece, n);
        State s{};
        for (int64_t i = begin; i < end; i += kBlock) {
          const int64_t count = std::min(kBlock, end - i);
          const State block = row(in.read(line * n + i, count, buffer), count);
          s = i == begin ? block : joined(s, block);
        }
        if (pieces > 1) states[static_cast<size_t>(task)] = s;
        else results[static_cast<size_t>(line)] = result(s);
      }
    });
    for (int64_t line = 0; pieces > 1 && line < lines; ++line) {
      const State* s = states.data() + line * pieces;
      State all = s[0];
      for (int64_t k = 1; k < pieces; ++k) all = joined(all, s[k]);
      results[static_cast<size_t>(line)] = result(all);
    }
  }
  write_all(c.out[0], results);
}

template <class State, class T>
void reduce_lines(OpCall& c, State none, State (*LineReduceRows<T>::*row)(const T*, int64_t)) {
  const auto& rows =
      *static_cast<const LineReduceRows<T>*>(HWY_DYNAMIC_DISPATCH(line_reduce_rows)(sizeof(T) == sizeof(double)));
  reduce_lines<State, T>(c, none, rows.*row);
}

}  // namespace

void logsumexp(OpCall& c) {
  constexpr LogSum none{-std::numeric_limits<double>::infinity(), 0};
  if (c.dtype == DType::kF64) reduce_lines<LogSum, double>(c, none, &LineReduceRows<double>::log_sum);
  else reduce_lines<LogSum, float>(c, none, &LineReduceRows<float>::log_sum);
}
void deviation_sum(OpCall& c) {
  constexpr Moments none{0, 0, 0};
  if (c.dtype == DType::kF64) reduce_lines<Moments, double>(c, none, &LineReduceRows<double>::moments);
  else reduce_lines<Moments, float>(c, none, &LineReduceRows<float>::moments);
}

}  // namespace hearth::cpu
#endif
