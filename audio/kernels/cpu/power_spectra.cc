#include "audio/kernels/power_spectra.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "audio/kernels/cpu/frame_sums.h"
#include "audio/ops/attrs.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/copy_tensor.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/fft_plan.h"
#include "core/kernels/cpu/fft_scratch.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels/cpu/power_spectra.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef HEARTH_AUDIO_POWER_SPECTRA_ONCE
#define HEARTH_AUDIO_POWER_SPECTRA_ONCE
namespace hearth::audio::cpu {

template <class T>
struct PowerFns {
  // `count` registers of even and of odd samples times the window.
  void (*apply_window)(const T* window, int64_t count, T* even, T* odd);
  // The power of n registers of complex numbers, times the square of factor, as a group (frame_sums.h).
  void (*power)(const T* re, const T* im, int64_t n, T factor, T* group);
};

}  // namespace hearth::audio::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::audio::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void apply_window(const T* window, int64_t count, T* even, T* odd) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t k = 0; k < count; ++k) {
    hn::Store(hn::Mul(hn::Load(d, even + k * lanes), hn::Set(d, window[2 * k])), d, even + k * lanes);
    hn::Store(hn::Mul(hn::Load(d, odd + k * lanes), hn::Set(d, window[2 * k + 1])), d, odd + k * lanes);
  }
}

template <class T>
void power(const T* re, const T* im, int64_t n, T factor, T* group) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto f = hn::Set(d, factor);
  for (int64_t k = 0; k < n; ++k) {
    const auto a = hn::Mul(hn::Load(d, re + k * lanes), f), b = hn::Mul(hn::Load(d, im + k * lanes), f);
    hn::Store(hn::Add(hn::Mul(a, a), hn::Mul(b, b)), d, group + (k % 2 * half(n) + k / 2) * lanes);
  }
}

const void* power_fns(bool is_double) {
  static constexpr PowerFns<double> kDouble{apply_window<double>, power<double>};
  static constexpr PowerFns<float> kFloat{apply_window<float>, power<float>};
  return is_double ? static_cast<const void*>(&kDouble) : static_cast<const void*>(&kFloat);
}

}  // namespace hearth::audio::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::audio::cpu {
HWY_EXPORT(power_fns);

namespace {

using hearth::cpu::FftScratch;

constexpr int64_t kGrain = 1 << 15;  // samples for which a second thread is worth waking

// Frames [..., n] in memory, whose numbers lie side by side.
template <class T>
class FrameRows {
 public:
  explicit FrameRows(const Tensor& frames)
      : x_(frames.stride(-1) == 1 || frames.size(-1) == 1 ? frames : hearth::cpu::row_major(frames)),
        data_(static_cast<const T*>(x_.impl()->data())),
        run_(x_.dim() > 1 ? x_.size(-2) : 1),
        row_(x_.dim() > 1 ? x_.stride(-2) : 0) {}

  int64_t row() const { return row_; }
  // Frames that lie `row` numbers apart from frame i on.
  int64_t left(int64_t i) const { return run_ - i % run_; }
  const T* at(int64_t i) const {
    const T* p = data_ + i % run_ * row_;
    int64_t outer = i / run_;
    for (int d = x_.dim() - 3; d >= 0; --d) {
      p += outer % x_.size(d) * x_.stride(d);
      outer /= x_.size(d);
    }
    return p;
  }

 private:
  Tensor x_;
  const T* data_;
  int64_t run_, row_;
};

// The power of frames' spectra, as many frames at once as a register has lanes.
template <class T>
class Spectra {
 public:
  Spectra(const FrameRows<T>& rows, int64_t n, const T* window, const PowerSpectraAttrs& a)
      : rows_(rows),
        window_(window),
        n_(n),
        half_(a.n_fft / 2),
        factor_(static_cast<T>(a.ortho ? 1 / std::sqrt(static_cast<double>(a.n_fft)) : 1)),
        plan_(hearth::cpu::fft_plan<T>(half_)),
        twiddles_(hearth::cpu::fft_real_twiddles<T>(a.n_fft)) {}

  int64_t scratch() const { return 2 * block() + lanes() * 2 * half_; }
  // Of frames [first, first + count), count <= lanes, into a group. Lanes without a frame become 0.
  void operator()(int64_t first, int64_t count, T* scratch, T* group) const {
    T *const a = scratch, *const b = a + block(), *const even = a, *const odd = a + half_ * lanes();
    const int64_t pairs = n_ / 2;
    if (count == lanes() && rows_.left(first) >= count && n_ % 2 == 0) {
      f_.load_rows(rows_.at(first), rows_.row(), pairs, even, odd);
      std::fill_n(even + pairs * lanes(), (half_ - pairs) * lanes(), T(0));
      std::fill_n(odd + pairs * lanes(), (half_ - pairs) * lanes(), T(0));
      fns_.apply_window(window_, pairs, even, odd);
    } else {
      T* const own = b + block();
      std::fill_n(own, lanes() * 2 * half_, T(0));
      for (int64_t l = 0; l < count; ++l) {
        const T* const x = rows_.at(first + l);
        for (int64_t k = 0; k < n_; ++k) own[l * 2 * half_ + k] = x[k] * window_[k];
      }
      f_.load_rows(own, 2 * half_, half_, even, odd);
    }
    T *const z = f_.transform(*plan_, a, b), *const re = z == a ? b : a, *const im = re + (half_ + 1) * lanes();
    f_.untangle(z, twiddles_->data(), re, im, half_);
    fns_.power(re, im, half_ + 1, factor_, group);
  }

 private:
  int64_t lanes() const { return f_.lanes; }
  int64_t block() const { return 2 * std::max(half_ + 1, plan_->padded) * lanes(); }

  const FrameRows<T>& rows_;
  const T* window_;
  int64_t n_, half_;
  T factor_;
  std::shared_ptr<const hearth::cpu::FftPlan<T>> plan_;
  std::shared_ptr<const std::vector<T>> twiddles_;
  const hearth::cpu::FftLanes<T>& f_ = hearth::cpu::fft_lanes<T>();
  const PowerFns<T>& fns_ = *static_cast<const PowerFns<T>*>(HWY_DYNAMIC_DISPATCH(power_fns)(sizeof(T) == 8));
};

template <class T>
void run(OpCall& c) {
  const Tensor& y = c.out[0];
  if (y.numel() == 0) return;
  const auto& a = c.attrs_as<PowerSpectraAttrs>();
  const int64_t n = c.input(0).size(-1), bins = a.n_fft / 2 + 1, width = y.size(-1), count = y.numel() / width;
  const hearth::cpu::DenseValues<T> window(c.in[1]), matrix(c.in[2]);
  const FrameRows<T> rows(c.input(0));
  const Spectra<T> spectra(rows, n, window.data(), a);
  std::optional<const FrameSums<T>> filters;
  if (matrix.data()) filters.emplace(matrix.data(), bins, width);
  const hearth::cpu::FftLanes<T>& f = hearth::cpu::fft_lanes<T>();
  T* const out = hearth::cpu::values_of<T>(y);
  const int64_t group = 2 * half(bins) * f.lanes, sums_group = filters ? filters->group_out() : 0,
                most = kMostGroups * f.lanes;
  parallel_for(count, most * std::max<int64_t>(kGrain / (most * a.n_fft), 1), [&](int64_t begin, int64_t end) {
    const FftScratch<T> scratch(spectra.scratch()), powers(kMostGroups * group), sums(kMostGroups * sums_group);
    std::vector<T> last(static_cast<size_t>(f.lanes * width));
    for (int64_t i = begin; i < end; i += most) {
      const int64_t size = std::min(most, end - i), groups = (size + f.lanes - 1) / f.lanes;
      for (int64_t g = 0; g < groups; ++g)
        spectra(i + g * f.lanes, std::min(f.lanes, size - g * f.lanes), scratch.data(), powers.data() + g * group);
      if (filters) (*filters)(powers.data(), groups, sums.data());
      for (int64_t g = 0; g < groups; ++g) {
        const T* const made = filters ? sums.data() + g * sums_group : powers.data() + g * group;
        T* const to = out + (i + g * f.lanes) * width;
        const int64_t rows_left = std::min(f.lanes, size - g * f.lanes);
        store_group(f, made, width, rows_left == f.lanes ? to : last.data(), width);
        if (rows_left < f.lanes) std::copy_n(last.data(), rows_left * width, to);
      }
    }
  });
}

}  // namespace

void power_spectra(OpCall& c) { c.dtype == DType::kF64 ? run<double>(c) : run<float>(c); }

}  // namespace hearth::audio::cpu
#endif
