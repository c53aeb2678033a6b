#include "audio/ops/features.h"

#include <algorithm>
#include <vector>

#include "audio/ops/filter_bank_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"

namespace hearth::audio {

Tensor compute_deltas(const Tensor& x, int64_t win_length, SignalPadding mode) {
  const CalledAs called("compute_deltas");
  expect_defined("compute_deltas", {x});
  expect_dtypes("compute_deltas", x, kFloatTypes);
  HEARTH_CHECK(win_length >= 3, "compute_deltas: win_length must be at least 3, but is ", win_length);
  const int64_t n = (win_length - 1) / 2;
  const Tensor padded = pad_signal(x, n, n, mode);
  const Tensor weights = arange(-n, n + 1, 1, {.dtype = x.dtype(), .device = x.device()}) /
                         (static_cast<double>(n * (n + 1)) * static_cast<double>(2 * n + 1) / 3);
  return sum(unfold(padded, -1, 2 * n + 1, 1) * weights, {-1});
}

Tensor spectral_centroid(const Tensor& x, int64_t sample_rate, const SpectrogramOptions& o) {
  const CalledAs called("spectral_centroid");
  HEARTH_CHECK(sample_rate >= 1, "spectral_centroid: the sample rate must be positive, but is ", sample_rate);
  HEARTH_CHECK(o.onesided, "spectral_centroid: takes one-sided spectra");
  SpectrogramOptions magnitudes = o;
  magnitudes.power = 1;
  const Tensor s = spectrogram(x, magnitudes);
  const Tensor hz =
      linspace(0, detail::nyquist(sample_rate), s.size(-2), {.dtype = s.dtype(), .device = s.device()}).unsqueeze(1);
  return sum(s * hz, {-2}) / sum(s, {-2});
}

Tensor sliding_window_cmn(const Tensor& x, const CmnOptions& o) {
  const CalledAs called("sliding_window_cmn");
  expect_defined("sliding_window_cmn", {x});
  expect_dtypes("sliding_window_cmn", x, kFloatTypes);
  HEARTH_CHECK(x.dim() >= 2, "sliding_window_cmn: expected features [..., time, features], but got ", x.shape());
  HEARTH_CHECK(o.cmn_window >= 1 && o.min_cmn_window >= 0, "sliding_window_cmn: windows of ", o.cmn_window,
               " frames, the first of ", o.min_cmn_window, ", are not possible");
  const int64_t frames = x.size(-2);
  std::vector<int64_t> begins, ends;
  std::vector<double> counts;
  for (int64_t t = 0; t < frames; ++t) {
    int64_t begin = o.center ? t - o.cmn_window / 2 : t - o.cmn_window, end = o.center ? begin + o.cmn_window : t + 1;
    if (begin < 0) {
      end -= begin;
      begin = 0;
    }
    // torchaudio's window has one frame more than its name says.
    if (!o.center && end > t) end = std::max(t + 1, o.min_cmn_window);
    if (end > frames) {
      begin = std::max<int64_t>(begin - (end - frames), 0);
      end = frames;
    }
    begins.push_back(begin);
    ends.push_back(end);
    counts.push_back(static_cast<double>(end - begin));
  }
  const Tensor first = tensor(begins, {.device = x.device()}), last = tensor(ends, {.device = x.device()});
  const Tensor count = tensor(counts, {.dtype = f64, .device = x.device()}).unsqueeze(1);
  // Differences of running sums, which lose digits: in f64.
  const Tensor wide = x.to(f64);
  const auto sums = [&](const Tensor& of) {
    const Tensor running = cat({zeros_like(slice(of, -2, 0, 1)), cumsum(of, -2)}, -2);
    return index_select(running, -2, last) - index_select(running, -2, first);
  };
  if (frames == 0) return x.clone();
  const Tensor mean = sums(wide) / count;
  Tensor y = wide - mean;
  if (o.norm_vars) {
    const Tensor variance = sums(square(wide)) / count - square(mean);
    // One frame does not vary.
    y = where(count == 1, 0, y * rsqrt(variance));
  }
  return y.to(x.dtype());
}

}  // namespace hearth::audio
