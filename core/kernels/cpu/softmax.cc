#include "core/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/cpu/dense_lines.h"
#include "core/kernels/cpu/softmax_rows.h"
#include "core/op/attrs/reduce.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/softmax.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T, bool kLog>
void softmax_row(const T* x, T* y, int64_t n) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  const T top = largest(x, n);
  const double total = exponentials<T, !kLog>(x, y, n, top);
  int64_t i = 0;
  if constexpr (kLog) {
    const T log_total = static_cast<T>(std::log(total));
    for (; i + lanes <= n; i += lanes) (Vec<T>::load(x + i) - Vec<T>(top) - Vec<T>(log_total)).store(y + i);
    for (; i < n; ++i) y[i] = x[i] - top - log_total;
  } else {
    const T scale = static_cast<T>(1 / total);
    for (; i + lanes <= n; i += lanes) (Vec<T>::load(y + i) * Vec<T>(scale)).store(y + i);
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
  const int64_t n = x.dim() ? x.shape()[d] : 1;
  for_dense_lines<T>(x, &c.out[0], d, [&](int64_t, const T* from, T* to) { one_row<kKind>(rows, from, to, n); });
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
