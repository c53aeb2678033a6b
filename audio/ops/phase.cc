#include "audio/ops/phase.h"

#include <cmath>
#include <numbers>

#include "audio/ops/resample.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/random.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth::audio {
namespace {

// [..., rows, columns] as [batch, rows, columns].
Tensor batched(const Tensor& x) {
  return x.dim() == 2 ? unsqueeze(x, 0) : reshape(x, {x.numel() == 0 ? 0 : -1, x.size(-2), x.size(-1)});
}

// y [batch, time] in the leading dimensions of x, of which the last `trailing` were transformed.
Tensor unbatched(const Tensor& y, const Tensor& x, int trailing) {
  Shape shape;
  for (int d = 0; d < x.dim() - trailing; ++d) shape.push_back(x.shape()[d]);
  for (int d = 1; d < y.dim(); ++d) shape.push_back(y.shape()[d]);
  return reshape(y, shape);
}

Tensor window_of(const std::optional<Tensor>& given, int64_t width, const Tensor& like) {
  const DType t = real_type(like.dtype());
  return given ? given->to(t) : hann_window(width, true, {.dtype = t, .device = like.device()});
}

}  // namespace

Tensor inverse_spectrogram(const Tensor& spectra, const SpectrogramOptions& o, std::optional<int64_t> length) {
  const CalledAs called("inverse_spectrogram");
  expect_defined("inverse_spectrogram", {spectra});
  expect_dtypes("inverse_spectrogram", spectra, kComplexTypes);
  HEARTH_CHECK(spectra.dim() >= 2, "inverse_spectrogram: expected spectra [..., frequencies, frames], but got ",
               spectra.shape());
  HEARTH_CHECK(o.pad >= 0, "inverse_spectrogram: pad must not be negative, but is ", o.pad);
  HEARTH_CHECK(!length || *length >= 0, "inverse_spectrogram: length must not be negative, but is ", *length);
  const int64_t width = o.win_length.value_or(o.n_fft);
  HEARTH_CHECK(width >= 1, "inverse_spectrogram: win_length must be at least 1, but is ", width);
  const Tensor window = window_of(o.window, width, spectra);
  const Tensor z = o.normalized == SpectrogramNorm::kWindow ? spectra * sqrt(square(window).sum()) : spectra;
  Tensor y = istft(batched(z), o.n_fft,
                   {.hop_length = o.hop_length.value_or(std::max<int64_t>(width / 2, 1)),
                    .win_length = width,
                    .window = window,
                    .center = o.center,
                    .normalized = o.normalized == SpectrogramNorm::kFrameLength,
                    .onesided = o.onesided,
                    .length = length ? std::optional(*length + 2 * o.pad) : std::nullopt});
  if (length && o.pad > 0) y = slice(y, -1, o.pad, o.pad + *length);
  return unbatched(y, spectra, 2);
}

Tensor griffin_lim(const Tensor& specgram, const GriffinLimOptions& o, Generator* generator) {
  const CalledAs called("griffin_lim");
  expect_defined("griffin_lim", {specgram});
  expect_dtypes("griffin_lim", specgram, DTypeSet{f32, f64});
  HEARTH_CHECK(specgram.dim() >= 2, "griffin_lim: expected a spectrogram [..., frequencies, frames], but got ",
               specgram.shape());
  HEARTH_CHECK(o.momentum >= 0 && o.momentum < 1, "griffin_lim: momentum must be in [0, 1), but is ", o.momentum);
  HEARTH_CHECK(o.power > 0, "griffin_lim: power must be positive, but is ", o.power);
  HEARTH_CHECK(o.n_iter >= 0, "griffin_lim: n_iter must not be negative, but is ", o.n_iter);
  const int64_t width = o.win_length.value_or(o.n_fft);
  HEARTH_CHECK(width >= 1, "griffin_lim: win_length must be at least 1, but is ", width);
  const int64_t hop = o.hop_length.value_or(std::max<int64_t>(width / 2, 1));
  const Tensor window = window_of(o.window, width, specgram);
  const Tensor magnitudes = pow(batched(specgram), 1 / o.power);
  const auto signal = [&](const Tensor& angles) {
    return istft(magnitudes * angles, o.n_fft,
                 {.hop_length = hop, .win_length = width, .window = window, .length = o.length});
  };
  const TensorOptions real{.dtype = specgram.dtype(), .device = specgram.device()};
  Tensor angles = o.rand_init
                      ? complex(rand(magnitudes.shape(), real, generator), rand(magnitudes.shape(), real, generator))
                      : complex(ones_like(magnitudes), zeros_like(magnitudes));
  const double momentum = o.momentum / (1 + o.momentum);
  Tensor before;
  for (int64_t i = 0; i < o.n_iter; ++i) {
    const Tensor rebuilt = stft(signal(angles), o.n_fft, {.hop_length = hop, .win_length = width, .window = window});
    angles = before.defined() && momentum > 0 ? rebuilt - before * momentum : rebuilt;
    angles = angles / (abs(angles) + 1e-16);
    before = rebuilt;
  }
  return unbatched(signal(angles), specgram, 2);
}

Tensor phase_advance(int64_t frequencies, int64_t hop_length, const TensorOptions& options) {
  return linspace(0, std::numbers::pi * static_cast<double>(hop_length), frequencies, options).unsqueeze(1);
}

Tensor phase_vocoder(const Tensor& spectra, double rate, const Tensor& advance) {
  const CalledAs called("phase_vocoder");
  expect_defined("phase_vocoder", {spectra, advance});
  expect_dtypes("phase_vocoder", spectra, kComplexTypes);
  HEARTH_CHECK(spectra.dim() >= 2, "phase_vocoder: expected spectra [..., frequencies, frames], but got ",
               spectra.shape());
  HEARTH_CHECK(rate > 0 && std::isfinite(rate), "phase_vocoder: the rate must be positive, but is ", rate);
  HEARTH_CHECK(advance.dim() == 2 && advance.size(0) == spectra.size(-2) && advance.size(1) == 1,
               "phase_vocoder: phase_advance must have the shape [", spectra.size(-2), ", 1], but has ",
               advance.shape());
  const int64_t frames = spectra.size(-1);
  if (rate == 1 || frames == 0) return spectra;
  const DType t = real_type(spectra.dtype());
  const Tensor at = arange(0.0, static_cast<double>(frames), rate, {.dtype = f64, .device = spectra.device()});
  const Tensor whole = floor(at), part = (at - whole).to(t), place = whole.to(i64);
  Shape two = spectra.shape();
  two[spectra.dim() - 1] = 2;
  const Tensor padded =
      view_as_real(cat({spectra, zeros(two, {.dtype = spectra.dtype(), .device = spectra.device()})}, -1));
  const Tensor z0 = view_as_complex(index_select(padded, -2, place)),
               z1 = view_as_complex(index_select(padded, -2, place + 1));
  const Tensor step = advance.to(t);
  Tensor phase = angle(z1) - angle(z0) - step;
  phase = phase - round(phase / (2 * std::numbers::pi)) * (2 * std::numbers::pi) + step;
  phase = cumsum(cat({angle(slice(spectra, -1, 0, 1)), slice(phase, -1, 0, phase.size(-1) - 1)}, -1), -1);
  return polar(part * abs(z1) + (1 - part) * abs(z0), phase);
}

Tensor pitch_shift(const Tensor& x, int64_t sample_rate, int64_t n_steps, const PitchShiftOptions& o) {
  const CalledAs called("pitch_shift");
  expect_defined("pitch_shift", {x});
  expect_dtypes("pitch_shift", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1 && x.numel() > 0, "pitch_shift: expected signals [..., time], but got ", x.shape());
  HEARTH_CHECK(sample_rate >= 1, "pitch_shift: the sample rate must be positive, but is ", sample_rate);
  HEARTH_CHECK(o.bins_per_octave != 0, "pitch_shift: bins_per_octave must not be 0");
  const int64_t width = o.win_length.value_or(o.n_fft), hop = o.hop_length.value_or(o.n_fft / 4), n = x.size(-1);
  HEARTH_CHECK(width >= 1, "pitch_shift: win_length must be at least 1, but is ", width);
  const double rate = std::pow(2.0, -static_cast<double>(n_steps) / static_cast<double>(o.bins_per_octave));
  const double stretched = std::round(static_cast<double>(n) / rate);
  HEARTH_CHECK(stretched >= 1 && stretched < 1e15, "pitch_shift: ", n_steps, " steps of ", o.bins_per_octave,
               " to the octave are too many for a signal of ", n, " samples");
  const Tensor window = window_of(o.window, width, x);
  const Tensor spectra = stft(reshape(x, {-1, n}), o.n_fft, {.hop_length = hop, .win_length = width, .window = window});
  const Tensor slow =
      phase_vocoder(spectra, rate, phase_advance(spectra.size(-2), hop, {.dtype = x.dtype(), .device = x.device()}));
  const Tensor longer =
      istft(slow, o.n_fft,
            {.hop_length = hop, .win_length = width, .window = window, .length = static_cast<int64_t>(stretched)});
  const Tensor y = resample(longer, static_cast<int64_t>(static_cast<double>(sample_rate) / rate), sample_rate);
  const int64_t m = y.size(-1);
  return reshape(m >= n ? slice(y, -1, 0, n) : pad_signal(y, 0, n - m, SignalPadding::kConstant), x.shape());
}

}  // namespace hearth::audio
