#include "audio/kernels/cpu/frame_sums.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels/cpu/frame_sums.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef HEARTH_AUDIO_FRAME_SUMS_ONCE
#define HEARTH_AUDIO_FRAME_SUMS_ONCE
namespace hearth::audio::cpu {

template <class T>
using FrameSumsFn = void (*)(const FrameSums<T>&, const T* frames, int64_t groups, T* sums);

}  // namespace hearth::audio::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::audio::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Adds what the places of a range give to the sums of `count` groups.
template <int count, class D, class T = hn::TFromD<D>>
HWY_INLINE void add_range(D d, const typename FrameSums<T>::Range& r, const T* x, int64_t group, hn::Vec<D>* sums) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const T* p = x + r.first * lanes;
  for (int64_t k = 0; k < r.count; ++k, p += lanes) {
    const auto w = hn::Set(d, r.weights[k]);
    for (int g = 0; g < count; ++g) sums[g] = hn::MulAdd(hn::Load(d, p + g * group), w, sums[g]);
  }
}

template <int count, class T>
void sum_groups(const FrameSums<T>& matrix, const T* x, T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t in = matrix.group_in(), out = matrix.group_out();
  const T* const odd = x + half(matrix.n()) * lanes;
  for (int64_t m = 0; m < matrix.m(); ++m) {
    hn::Vec<hn::ScalableTag<T>> sums[count];
    for (int g = 0; g < count; ++g) sums[g] = hn::Zero(d);
    const auto* const range = &matrix.ranges()[static_cast<size_t>(2 * m)];
    add_range<count>(d, range[0], x, in, sums);
    add_range<count>(d, range[1], odd, in, sums);
    T* const to = y + (m % 2 * half(matrix.m()) + m / 2) * lanes;
    for (int g = 0; g < count; ++g) hn::Store(sums[g], d, to + g * out);
  }
}

template <class T>
void frame_sums(const FrameSums<T>& matrix, const T* x, int64_t groups, T* y) {
  if (groups == kMostGroups) return sum_groups<kMostGroups>(matrix, x, y);
  for (int64_t g = 0; g < groups; ++g) sum_groups<1>(matrix, x + g * matrix.group_in(), y + g * matrix.group_out());
}

const void* frame_sums_fn(bool is_double) {
  static constexpr FrameSumsFn<double> kDouble = frame_sums<double>;
  static constexpr FrameSumsFn<float> kFloat = frame_sums<float>;
  return is_double ? static_cast<const void*>(&kDouble) : static_cast<const void*>(&kFloat);
}

}  // namespace hearth::audio::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::audio::cpu {
HWY_EXPORT(frame_sums_fn);

namespace {

constexpr int64_t kZeros = 16;  // numbers that are looked at together

template <class T>
bool all_zero(const T* p) {
  int others = 0;
  for (int64_t i = 0; i < kZeros; ++i) others += p[i] != T(0);
  return others == 0;
}

}  // namespace

template <class T>
FrameSums<T>::FrameSums(const T* matrix, int64_t n, int64_t m)
    : n_(n), m_(m), lanes_(hearth::cpu::fft_lanes<T>().lanes) {
  std::vector<int64_t> begin(static_cast<size_t>(m), n), end(static_cast<size_t>(m));
  for (int64_t k = 0; k < n; ++k) {
    const T* const row = matrix + k * m;
    for (int64_t i = 0; i < m; ++i) {
      // Most of a bank of filters is zeros.
      while (i + kZeros <= m && all_zero(row + i)) i += kZeros;
      if (i == m || row[i] == T(0)) continue;
      const auto column = static_cast<size_t>(i);
      begin[column] = std::min(begin[column], k);
      end[column] = k + 1;
    }
  }
  std::vector<size_t> at;
  for (size_t i = 0; i < begin.size(); ++i) {
    for (int64_t parity = 0; parity < 2; ++parity) {
      const int64_t first = (begin[i] + 1 - parity) / 2;
      Range r{first, std::max<int64_t>((end[i] + 1 - parity) / 2 - first, 0), nullptr};
      at.push_back(weights_.size());
      for (int64_t k = 0; k < r.count; ++k)
        weights_.push_back(matrix[(2 * (first + k) + parity) * m + static_cast<int64_t>(i)]);
      ranges_.push_back(r);
    }
  }
  for (size_t i = 0; i < at.size(); ++i) ranges_[i].weights = weights_.data() + at[i];
}

template <class T>
void FrameSums<T>::operator()(const T* frames, int64_t groups, T* sums) const {
  const auto f = *static_cast<const FrameSumsFn<T>*>(HWY_DYNAMIC_DISPATCH(frame_sums_fn)(sizeof(T) == 8));
  f(*this, frames, groups, sums);
}

template class FrameSums<float>;
template class FrameSums<double>;

}  // namespace hearth::audio::cpu
#endif
