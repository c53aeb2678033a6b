#include "audio/ops/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "core/base/bessel.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"
#include "core/ops/stft.h"
#include "core/ops/view.h"

namespace hearth::audio {
Tensor resample(const Tensor& x, int64_t orig_freq, int64_t new_freq, const ResampleOptions& o) {
  const CalledAs called("resample");
  expect_dtypes("resample", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "resample: expected signals [..., time], but the tensor is 0-dim");
  HEARTH_CHECK(orig_freq >= 1 && new_freq >= 1, "resample: the rates must be positive, but are ", orig_freq, " and ",
               new_freq);
  HEARTH_CHECK(o.lowpass_filter_width >= 1 && o.lowpass_filter_width <= 1 << 20 && o.rolloff > 0 && o.rolloff <= 1,
               "resample: lowpass_filter_width must be at least 1 and rolloff in (0, 1], but they are ",
               o.lowpass_filter_width, " and ", o.rolloff);
  HEARTH_CHECK(std::abs(o.beta) <= 700, "resample: beta must be from -700 to 700, but is ", o.beta);
  if (orig_freq == new_freq) return x;
  const int64_t common = std::gcd(orig_freq, new_freq), from = orig_freq / common, to = new_freq / common;
  const double base = static_cast<double>(std::min(from, to)) * o.rolloff,
               zeros = static_cast<double>(o.lowpass_filter_width);
  // In double, which no rate overflows.
  const double reach = std::ceil(zeros * static_cast<double>(from) / base),
               values = (2 * reach + static_cast<double>(from)) * static_cast<double>(to);
  HEARTH_CHECK(values <= 0x1p28, "resample: from ", orig_freq, " to ", new_freq, " Hz needs a filter of ", values,
               " values, which is too much");
  const auto width = static_cast<int64_t>(reach);
  const int64_t taps = 2 * width + from;
  // Column p gives sample p of each `to` that stand for `from` of the signal.
  std::vector<double> kernel(static_cast<size_t>(taps * to));
  for (int64_t k = 0; k < taps; ++k) {
    for (int64_t p = 0; p < to; ++p) {
      const double t = std::clamp((static_cast<double>(k - width) / static_cast<double>(from) -
                                   static_cast<double>(p) / static_cast<double>(to)) *
                                      base,
                                  -zeros, zeros);
      const double c = std::cos(t * std::numbers::pi / zeros / 2), u = t / zeros;
      const double window = o.method == ResampleMethod::kSincHann
                                ? c * c
                                : bessel_i0(o.beta * std::sqrt(std::max(0.0, 1 - u * u))) / bessel_i0(o.beta);
      const double a = t * std::numbers::pi;
      kernel[static_cast<size_t>(k * to + p)] =
          (t == 0 ? 1 : std::sin(a) / a) * window * base / static_cast<double>(from);
    }
  }
  const Tensor filter = from_values(kernel, {taps, to}, {.dtype = x.dtype(), .device = x.device()});
  const int64_t n = x.size(-1);
  const auto wanted = static_cast<int64_t>((static_cast<__int128>(to) * n + from - 1) / from);
  Shape shape = x.shape();
  shape[x.dim() - 1] = wanted;
  if (x.numel() == 0) return x.new_zeros(shape);
  const Tensor frames = unfold(pad_signal(x, width, width + from, SignalPadding::kConstant), -1, taps, from);
  const Tensor samples = matmul(frames, filter);  // [..., frames, to]
  Shape flat = x.shape();
  flat[x.dim() - 1] = samples.size(-2) * to;
  return slice(reshape(samples, flat), -1, 0, wanted);
}

}  // namespace hearth::audio
