// What softmax and cross entropy ask of a row. Included again for each target.
#if defined(HEARTH_KERNELS_CPU_ROW_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_ROW_SUMS_INL_H_
#undef HEARTH_KERNELS_CPU_ROW_SUMS_INL_H_
#else
#define HEARTH_KERNELS_CPU_ROW_SUMS_INL_H_
#endif

#include <cmath>

#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

// The largest of n numbers; NaN if one is.
template <class T>
HWY_INLINE T largest(const T* x, int64_t n) {
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
  return top;
}

// The sum of exp(x - top); with kStore each of them is left in y, which may be x.
template <class T, bool kStore>
HWY_INLINE double exponentials(const T* x, T* y, int64_t n, T top) {
  const int64_t lanes = static_cast<int64_t>(Vec<T>::lanes());
  const Vec<T> shift(top);
  double total = 0;
  int64_t i = 0;
  Vec<T> s;
  for (; i + lanes <= n; i += lanes) {
    const Vec<T> e = exp(Vec<T>::load(x + i) - shift);
    if constexpr (kStore) e.store(y + i);
    s = s + e;
    if ((i & 1023) == 0) {
      total += static_cast<double>(sum_of_lanes(s));
      s = Vec<T>();
    }
  }
  total += static_cast<double>(sum_of_lanes(s));
  for (; i < n; ++i) {
    const T e = static_cast<T>(std::exp(static_cast<double>(x[i] - top)));
    if constexpr (kStore) y[i] = e;
    total += static_cast<double>(e);
  }
  return total;
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
