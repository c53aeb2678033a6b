#include "audio/kernels/resample.h"

#include <algorithm>
#include <vector>

#include "audio/ops/attrs.h"
#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/op/op_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "audio/kernels/cpu/resample.cc"
#include <hwy/foreach_target.h>
#include "core/kernels/cpu/vec-inl.h"

#ifndef HEARTH_AUDIO_RESAMPLE_ONCE
#define HEARTH_AUDIO_RESAMPLE_ONCE
namespace hearth::audio::cpu {

// A filter's rows, and where the signal's samples for them begin.
template <class T>
struct Phases {
  const T* taps;          // [to, width]
  const int64_t* starts;  // [to]
  int64_t to, from, width;
};

template <class T>
using ResampleFn = void (*)(const Phases<T>&, const T* x, int64_t n, T* y, int64_t first, int64_t count);

}  // namespace hearth::audio::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace hearth::audio::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Each sum is made in the same order wherever its window stands: a signal in parts gives the same bits.
template <class T>
HWY_INLINE T product(const T* x, const T* w, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, w + i), sum);
  T total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < n; ++i) total += x[i] * w[i];
  return total;
}

// Samples [first, first + count) of a line's result.
template <class T>
void resample_line(const Phases<T>& p, const T* x, int64_t n, T* y, int64_t first, int64_t count) {
  std::vector<T> edge;
  int64_t block = first / p.to, row = first % p.to;
  for (int64_t j = 0; j < count; ++j) {
    const int64_t at = block * p.from + p.starts[row];
    const T* window = x + at;
    if (at < 0 || at + p.width > n) {
      edge.assign(static_cast<size_t>(p.width), T(0));
      for (int64_t k = std::max<int64_t>(0, -at); k < p.width && at + k < n; ++k)
        edge[static_cast<size_t>(k)] = x[at + k];
      window = edge.data();
    }
    y[j] = product(window, p.taps + row * p.width, p.width);
    if (++row == p.to) {
      row = 0;
      ++block;
    }
  }
}

const void* resample_fn(bool is_double) {
  static constexpr ResampleFn<double> kDouble = resample_line<double>;
  static constexpr ResampleFn<float> kFloat = resample_line<float>;
  return is_double ? static_cast<const void*>(&kDouble) : static_cast<const void*>(&kFloat);
}

}  // namespace hearth::audio::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hearth::audio::cpu {
HWY_EXPORT(resample_fn);

namespace {

constexpr int64_t kPiece = 4096;  // samples of a line's result that one thread makes at once

template <class T>
void run(OpCall& c) {
  const auto& a = c.attrs_as<ResampleAttrs>();
  const Tensor &x = c.input(0), &y = c.out[0];
  const int64_t n = x.size(-1), m = y.size(-1), to = c.input(1).size(0), lines = m ? y.numel() / m : 0;
  if (y.numel() == 0) return;
  const hearth::cpu::DenseValues<T> taps(c.in[1]), signal(c.in[0]);
  std::vector<int64_t> starts;
  for (int64_t r = 0; r < to; ++r) starts.push_back(floor_div(r * a.from + a.shift, to));
  const Phases<T> phases{taps.data(), starts.data(), to, a.from, c.input(1).size(1)};
  const auto line = *static_cast<const ResampleFn<T>*>(HWY_DYNAMIC_DISPATCH(resample_fn)(sizeof(T) == 8));
  const hearth::cpu::DenseWriter<T> out(y);
  const int64_t pieces = (m + kPiece - 1) / kPiece;
  parallel_for(lines * pieces, 1, [&](int64_t begin, int64_t end) {
    T buffer[kPiece];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t l = i / pieces, first = i % pieces * kPiece, count = std::min(kPiece, m - first);
      T* const place = out.place(l * m + first, buffer);
      line(phases, signal.data() + l * n, n, place, first, count);
      out.write(l * m + first, count, place);
    }
  });
}

}  // namespace

void resample(OpCall& c) { c.dtype == DType::kF64 ? run<double>(c) : run<float>(c); }

}  // namespace hearth::audio::cpu
#endif
