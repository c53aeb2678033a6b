#include "core/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/softmax_rows.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/softmax.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
HWY_INLINE T scalar_exp(T x) {
  return static_cast<T>(std::exp(static_cast<double>(x)));
}

template <class T, bool kLog>
void softmax_row(const T* x, T* y, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  T top = -kInf<T>;
  int64_t i = 0;
  if (n >= lanes) {
    Vec<T> m(-kInf<T>);
    for (; i + lanes <= n; i += lanes) m = max(m, Vec<T>::load(x + i));
    HWY_ALIGN T parts[kMaxLanes<T>];
    m.store(parts);
    for (int64_t k = 0; k < lanes; ++k) top = parts[k] > top || parts[k] != parts[k] ? parts[k] : top;
  }
  for (; i < n; ++i) top = x[i] > top || x[i] != x[i] ? x[i] : top;
  const Vec<T> shift(top);
  double total = 0;
  i = 0;
  Vec<T> s;
  for (; i + lanes <= n; i += lanes) {
    const Vec<T> e = exp(Vec<T>::load(x + i) - shift);
    if constexpr (!kLog) e.store(y + i);
    s = s + e;
    if ((i & 1023) == 0) {
      total += static_cast<double>(sum_of_lanes(s));
      s = Vec<T>();
    }
  }
  total += static_cast<double>(sum_of_lanes(s));
  for (; i < n; ++i) {
    const T e = scalar_exp(x[i] - top);
    if constexpr (!kLog) y[i] = e;
    total += static_cast<double>(e);
  }
  if constexpr (kLog) {
    const T log_total = static_cast<T>(std::log(total));
    const Vec<T> l(log_total);
    for (i = 0; i + lanes <= n; i += lanes) (Vec<T>::load(x + i) - shift - l).store(y + i);
    for (; i < n; ++i) y[i] = x[i] - top - log_total;
  } else {
    const T scale = static_cast<T>(1 / total);
    const Vec<T> v(scale);
    for (i = 0; i + lanes <= n; i += lanes) (Vec<T>::load(y + i) * v).store(y + i);
    for (; i < n; ++i) y[i] *= scale;
  }
}

template <class T>
constexpr SoftmaxRows<T> kSoftmaxRows{softmax_row<T, false>, softmax_row<T, true>};

const void* softmax_rows(bool is_double) {
  return is_double ? static_cast<const void*>(&kSoftmaxRows<double>) : static_cast<const void*>(&kSoftmaxRows<float>);
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::cpu {
HWY_EXPORT(softmax_rows);

namespace {

constexpr int64_t kGrain = 16384;

enum class Softmax { kPlain, kLog, kSafe };

// True if there is nothing but -infinity. The first number tells it nearly always.
template <class T>
bool masked(const T* x, int64_t n) {
  return std::all_of(x, x + n, [](T v) { return v == -std::numeric_limits<T>::infinity(); });
}

template <Softmax kKind, class T>
void one_row(const SoftmaxRows<T>& rows, const T* from, T* to, int64_t n) {
  if (kKind == Softmax::kSafe && masked(from, n)) {
    std::fill_n(to, n, T(0));
  } else {
    (kKind == Softmax::kLog ? rows.log_softmax : rows.softmax)(from, to, n);
  }
}

template <Softmax kKind, class T>
void any_softmax(OpCall& c) {
  const Tensor& x = c.input(0);
  if (x.numel() == 0) return;
  const auto& rows = *static_cast<const SoftmaxRows<T>*>(HWY_DYNAMIC_DISPATCH(softmax_rows)(sizeof(T) == 8));
  const int d = x.dim() ? wrap_dim(c.attrs_as<DimAttrs>().dim, x.dim(), c.op.name) : 0;
  const int64_t n = x.dim() ? x.shape()[d] : 1, lines = x.numel() / n;
  int64_t after = 1;  // elements between neighbours of a line
  for (int k = d + 1; k < x.dim(); ++k) after *= x.shape()[k];
  const int64_t grain = std::max<int64_t>(kGrain / n, 1);
  const DenseReader<T> in(x);
  const DenseWriter<T> out(c.out[0]);
  if (after == 1) {
    parallel_for(lines, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(in.converts() || out.converts() ? static_cast<size_t>(n) : 0);
      for (int64_t i = begin; i < end; ++i) {
        T* const to = out.place(i * n, buffer.data());
        one_row<kKind>(rows, in.read(i * n, n, buffer.data()), to, n);
        out.write(i * n, n, to);
      }
    });
    return;
  }
  // Lines whose elements lie apart: neighbouring lines are read and written together, a cache line at a time.
  constexpr int64_t kWidth = 16;
  const int64_t groups = (after + kWidth - 1) / kWidth;
  parallel_for(lines / after * groups, std::max<int64_t>(grain / kWidth, 1), [&](int64_t begin, int64_t end) {
    std::vector<T> group(static_cast<size_t>(n * kWidth));
    T part[kWidth];
    for (int64_t g = begin; g < end; ++g) {
      const int64_t column = g % groups * kWidth, first = g / groups * n * after + column,
                    width = std::min(kWidth, after - column);
      for (int64_t k = 0; k < n; ++k) {
        const T* from = in.read(first + k * after, width, part);
        for (int64_t j = 0; j < width; ++j) group[static_cast<size_t>(j * n + k)] = from[j];
      }
      for (int64_t j = 0; j < width; ++j) {
        T* const line = group.data() + j * n;
        one_row<kKind>(rows, line, line, n);
      }
      for (int64_t k = 0; k < n; ++k) {
        T* const to = out.place(first + k * after, part);
        for (int64_t j = 0; j < width; ++j) to[j] = group[static_cast<size_t>(j * n + k)];
        out.write(first + k * after, width, to);
      }
    }
  });
}

template <Softmax kKind>
void any_softmax(OpCall& c) {
  c.dtype == DType::kF64 ? any_softmax<kKind, double>(c) : any_softmax<kKind, float>(c);
}

}  // namespace

void softmax(OpCall& c) { any_softmax<Softmax::kPlain>(c); }
void log_softmax(OpCall& c) { any_softmax<Softmax::kLog>(c); }
void safe_softmax(OpCall& c) { any_softmax<Softmax::kSafe>(c); }

}  // namespace hearth::cpu
#endif
