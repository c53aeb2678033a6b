#include "audio/ops/kaldi.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

#include "audio/ops/cepstrum.h"
#include "audio/ops/constants_internal.h"
#include "audio/ops/frame_blocks_internal.h"
#include "audio/ops/frame_product.h"
#include "audio/ops/power_spectra_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/computed.h"
#include "core/ops/create.h"
#include "core/ops/fft.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/stft.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth::audio::kaldi {
namespace {

// Below it nothing is taken the logarithm of: that of a float, also in f64.
constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

Tensor window_of(const FrameOptions& o, int64_t n, const Tensor& like) {
  const TensorOptions t{.dtype = like.dtype(), .device = like.device()};
  switch (o.window_type) {
    case WindowType::kPovey:
      return pow(hann_window(n, false, {.dtype = f64, .device = like.device()}), 0.85).to(like.dtype());
    case WindowType::kHanning:
      return hann_window(n, false, t);
    case WindowType::kHamming:
      return hamming_window(n, false, 0.54, 0.46, t);
    case WindowType::kRectangular:
      return ones({n}, t);
    case WindowType::kBlackman: {
      const double a = 2 * std::numbers::pi / static_cast<double>(n - 1), c = o.blackman_coeff;
      std::vector<double> v;
      for (int64_t i = 0; i < n; ++i) {
        const double x = a * static_cast<double>(i);
        v.push_back(c - 0.5 * std::cos(x) + (0.5 - c) * std::cos(2 * x));
      }
      return tensor(v, t);
    }
  }
  __builtin_unreachable();
}

// A signal's frames as they are cut.
struct Frames {
  Tensor samples;  // [..., frames, size]
  Tensor window;   // [size]
  int64_t padded;  // the transform's length
};
// Frames of which spectra are made.
struct Prepared {
  Tensor samples;  // [..., frames, size], not windowed
  Tensor energy;   // [..., frames, 1], logarithms
};

// The frames that begin `shift` apart: whole ones, or one for each shift with the ends mirrored.
Tensor cut(const Tensor& x, int64_t size, int64_t shift, bool whole) {
  if (whole) return unfold(x, -1, size, shift);
  const int64_t n = x.size(-1), count = (n + shift / 2) / shift, before = size / 2 - shift / 2;
  const Tensor back = flip(x, {-1});
  const Tensor longer =
      before > 0 ? cat({slice(back, -1, n - before, n), x, back}, -1) : cat({slice(x, -1, -before, n), back}, -1);
  return slice(unfold(longer, -1, size, shift), -2, 0, count);
}

Tensor log_energy(const Tensor& frames, double floor) {
  const Tensor e = log(clamp(sum(square(frames), {-1}, true), Scalar(kEpsilon)));
  return floor == 0 ? e : clamp(e, Scalar(std::log(floor)));
}

Frames frames_of(const char* op, const Tensor& x, const FrameOptions& o, detail::Constants& constants) {
  expect_defined(op, {x});
  expect_dtypes(op, x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, op, ": expected signals [..., time], but the tensor is 0-dim");
  const double length = o.sample_frequency * o.frame_length * 0.001,
               distance = o.sample_frequency * o.frame_shift * 0.001;
  HEARTH_CHECK(length >= 2 && length < 1e9 && distance >= 1 && distance < 1e9, op, ": frames of ", o.frame_length,
               " ms, ", o.frame_shift, " ms apart, are not possible at ", o.sample_frequency, " Hz");
  HEARTH_CHECK(o.preemphasis_coefficient >= 0 && o.preemphasis_coefficient <= 1, op,
               ": preemphasis_coefficient must be from 0 to 1, but is ", o.preemphasis_coefficient);
  HEARTH_CHECK(o.energy_floor >= 0, op, ": energy_floor must not be negative, but is ", o.energy_floor);
  const auto size = static_cast<int64_t>(length), shift = static_cast<int64_t>(distance);
  HEARTH_CHECK(x.size(-1) >= size, op, ": a signal of ", x.size(-1), " samples is shorter than a frame of ", size);
  Frames f;
  f.padded = o.round_to_power_of_two ? static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(size))) : size;
  HEARTH_CHECK(f.padded % 2 == 0, op, ": frames of ", size,
               " samples need round_to_power_of_two, because their number is odd");
  f.samples = cut(x, size, shift, o.snip_edges);
  f.window = constants.window.get(x, [&] { return window_of(o, size, x); });
  return f;
}

Prepared prepared(Tensor s, const Tensor& window, const FrameOptions& o) {
  Prepared p;
  if (o.remove_dc_offset) s = s - mean(s, {-1}, true);
  if (o.raw_energy) p.energy = log_energy(s, o.energy_floor);
  if (o.preemphasis_coefficient != 0) {
    const Tensor before = cat({slice(s, -1, 0, 1), slice(s, -1, 0, s.size(-1) - 1)}, -1);
    s = s - before * o.preemphasis_coefficient;
  }
  if (!o.raw_energy) p.energy = log_energy(s * window, o.energy_floor);
  p.samples = s;
  return p;
}

Tensor less_mean(const Tensor& x, bool subtract) { return subtract ? x - mean(x, {-2}, true) : x; }

// f of prepared frames, where f makes [..., frames, m] and looks at each frame alone.
Tensor of_frames(const Frames& frames, const FrameOptions& o, const std::function<Tensor(const Prepared&)>& f) {
  const bool whole = detail::recorded({frames.samples});
  const auto made = [&](const Tensor& part) { return f(prepared(part, frames.window, o)); };
  return less_mean(detail::in_blocks(frames.samples, whole, made), o.subtract_mean);
}

// Kaldi's filters [padded / 2 + 1, n]: triangles on the mel scale, and none of them at half of the sample frequency.
Tensor bank(const char* op, int64_t n, int64_t padded, double rate, double low, double high, const TensorOptions& t) {
  const double nyquist = 0.5 * rate;
  if (high <= 0) high += nyquist;
  HEARTH_CHECK(n > 3, op, ": num_mel_bins must be above 3, but is ", n);
  HEARTH_CHECK(low >= 0 && low < nyquist && high > 0 && high <= nyquist && low < high, op, ": the frequencies from ",
               low, " to ", high, " Hz do not rise within half of the sample frequency ", rate);
  const auto mel = [](double hz) { return 1127 * std::log(1 + hz / 700); };
  const double first = mel(low), step = (mel(high) - first) / static_cast<double>(n + 1);
  const int64_t bins = padded / 2;
  return computed(op, {bins + 1, n}, t, [&](int64_t i) {
    const int64_t k = i / n;
    if (k == bins) return 0.0;
    const double at = mel(rate / static_cast<double>(padded) * static_cast<double>(k)),
                 left = first + static_cast<double>(i % n) * step;
    return std::max(0.0, std::min(at - left, left + 2 * step - at) / step);
  });
}

Tensor lifter_of(const MfccOptions& o, const TensorOptions& t) {
  std::vector<double> lift;
  for (int64_t i = 0; i < o.num_ceps; ++i) {
    lift.push_back(1 +
                   0.5 * o.cepstral_lifter * std::sin(std::numbers::pi * static_cast<double>(i) / o.cepstral_lifter));
  }
  return tensor(lift, t);
}

}  // namespace

Tensor spectrogram(const Tensor& x, const FrameOptions& o) {
  detail::Constants constants;
  return detail::kaldi_spectrogram(x, o, constants);
}

Tensor fbank(const Tensor& x, const FbankOptions& o) {
  detail::Constants constants;
  return detail::fbank(x, o, constants);
}

Tensor mfcc(const Tensor& x, const MfccOptions& o) {
  detail::Constants constants;
  return detail::kaldi_mfcc(x, o, constants);
}

}  // namespace hearth::audio::kaldi

namespace hearth::audio {

using namespace kaldi;  // NOLINT(google-build-using-namespace)

Tensor detail::kaldi_spectrogram(const Tensor& x, const FrameOptions& o, Constants& constants) {
  const CalledAs called("kaldi::spectrogram");
  const Frames f = frames_of("kaldi::spectrogram", x, o, constants);
  return of_frames(f, o, [&](const Prepared& p) {
    const Tensor level = log(clamp(power_spectra(p.samples, f.window, {.n_fft = f.padded}), Scalar(kEpsilon)));
    return cat({p.energy, slice(level, -1, 1, level.size(-1))}, -1);
  });
}

Tensor detail::fbank(const Tensor& x, const FbankOptions& o, Constants& constants) {
  const CalledAs called("kaldi::fbank");
  const Frames f = frames_of("kaldi::fbank", x, o.frame, constants);
  const Tensor& filters = constants.filters.get(x, [&] {
    return bank("kaldi::fbank", o.num_mel_bins, f.padded, o.frame.sample_frequency, o.low_freq, o.high_freq,
                {.dtype = x.dtype(), .device = x.device()});
  });
  return of_frames(f, o.frame, [&](const Prepared& p) {
    Tensor y = o.use_power ? power_spectra(p.samples, f.window, {.n_fft = f.padded}, filters)
                           : frame_product(abs(fft::rfft(p.samples * f.window, f.padded)), filters);
    if (o.use_log_fbank) y = log(clamp(y, Scalar(kEpsilon)));
    if (!o.use_energy) return y;
    return o.htk_compat ? cat({y, p.energy}, -1) : cat({p.energy, y}, -1);
  });
}

Tensor detail::kaldi_mfcc(const Tensor& x, const kaldi::MfccOptions& o, Constants& constants) {
  const CalledAs called("kaldi::mfcc");
  HEARTH_CHECK(o.num_ceps >= 1 && o.num_ceps <= o.num_mel_bins, "kaldi::mfcc: ", o.num_ceps, " coefficients of ",
               o.num_mel_bins, " mels are not possible");
  FbankOptions bands{.frame = o.frame,
                     .num_mel_bins = o.num_mel_bins,
                     .low_freq = o.low_freq,
                     .high_freq = o.high_freq,
                     .use_energy = true};
  bands.frame.subtract_mean = false;
  const Tensor all = fbank(x, bands, constants);
  const Tensor energy = slice(all, -1, 0, 1);
  const TensorOptions t{.dtype = x.dtype(), .device = x.device()};
  Tensor y = frame_product(slice(all, -1, 1, all.size(-1)),
                           constants.transform.get(x, [&] { return create_dct(o.num_ceps, o.num_mel_bins, true, t); }));
  if (o.cepstral_lifter != 0) y = y * constants.lifter.get(x, [&] { return lifter_of(o, t); });
  // Kaldi's first coefficient as HTK scales it.
  const Tensor first = o.use_energy ? energy : slice(y, -1, 0, 1) * (o.htk_compat ? std::numbers::sqrt2 : 1.0);
  const Tensor rest = slice(y, -1, 1, y.size(-1));
  return less_mean(o.htk_compat ? cat({rest, first}, -1) : cat({first, rest}, -1), o.frame.subtract_mean);
}

}  // namespace hearth::audio
