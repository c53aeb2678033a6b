#include "audio/ops/spectrogram.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "audio/ops/constants_internal.h"
#include "audio/ops/filter_bank_internal.h"
#include "audio/ops/frame_blocks_internal.h"
#include "audio/ops/frame_product.h"
#include "audio/ops/power_spectra_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/fft.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth::audio {

Tensor spectrogram(const Tensor& x, const SpectrogramOptions& o) {
  detail::Constants constants;
  return detail::spectrogram(x, o, constants);
}

namespace {

// How frames are cut out of lines of samples.
struct Cut {
  Tensor lines;  // [time] or [lines, time], with the options' zeros
  Tensor window;
  int64_t width, hop;
};

Tensor with_power(const Tensor& z, const std::optional<double>& power) {
  if (!power) return z;
  if (*power == 1) return abs(z);
  if (*power == 2) return abs_square(z);
  return pow(abs(z), *power);
}
Tensor norm_of(const Tensor& window) { return sqrt(square(abs(window)).sum()); }

// Spectra with a complex window. What does not fit is an error here.
Tensor by_stft(const Cut& cut, const SpectrogramOptions& o) {
  const Tensor z = stft(cut.lines, o.n_fft,
                        {.hop_length = cut.hop,
                         .win_length = cut.width,
                         .window = cut.window,
                         .center = o.center,
                         .pad_mode = o.pad_mode,
                         .normalized = o.normalized == SpectrogramNorm::kFrameLength,
                         .onesided = o.onesided});
  return with_power(o.normalized == SpectrogramNorm::kWindow ? z / norm_of(cut.window) : z, o.power);
}

// Frames and a window of real numbers that fit.
bool fits(const Cut& cut, const SpectrogramOptions& o) {
  return cut.hop >= 1 && cut.window.dim() == 1 && cut.window.size(0) == cut.width &&
         DTypeSet{f32, f64}.contains(cut.window.dtype()) &&
         cut.lines.size(-1) + (o.center ? o.n_fft / 2 * 2 : 0) >= o.n_fft;
}

// The same of these, [..., frames, frequencies], or the filters' sums of it.
Tensor by_frames(const Cut& cut, const SpectrogramOptions& o, const std::optional<Tensor>& filters) {
  const Tensor signal = o.center ? pad_signal(cut.lines, o.n_fft / 2, o.n_fft / 2, o.pad_mode) : cut.lines;
  const Tensor frames = unfold(signal, -1, o.n_fft, cut.hop);
  const int64_t left = (o.n_fft - cut.width) / 2;
  const Tensor real = cut.window.to(signal.dtype()),
               window = pad_signal(real, left, o.n_fft - cut.width - left, SignalPadding::kConstant);
  const bool ortho = o.normalized == SpectrogramNorm::kFrameLength;
  const PowerSpectraAttrs squares{.n_fft = o.n_fft, .ortho = ortho};
  if (o.power == 2.0 && o.onesided && o.normalized != SpectrogramNorm::kWindow &&
      detail::in_one_step(frames, window, squares, filters))
    return detail::power_spectra(frames, window, squares, filters);
  const fft::Norm norm = ortho ? fft::Norm::kOrtho : fft::Norm::kBackward;
  return detail::in_blocks(frames, detail::recorded({frames, window}), [&](const Tensor& part) {
    const Tensor x = part * window;
    Tensor z = o.onesided ? fft::rfft(x, {}, -1, norm) : fft::fft(x, {}, -1, norm);
    if (o.normalized == SpectrogramNorm::kWindow) z = z / norm_of(real);
    const Tensor y = with_power(z, o.power);
    return filters ? frame_product(y, *filters) : y;
  });
}

}  // namespace

Tensor detail::spectrogram(const Tensor& x, const SpectrogramOptions& o, Constants& constants) {
  return filtered_spectrogram(x, o, constants, {});
}

Tensor detail::filtered_spectrogram(const Tensor& x, const SpectrogramOptions& o, Constants& constants,
                                    const MakeFilters& filters) {
  const CalledAs called("spectrogram");
  expect_dtypes("spectrogram", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "spectrogram: expected signals [..., time], but the tensor is 0-dim");
  HEARTH_CHECK(o.pad >= 0, "spectrogram: pad must not be negative, but is ", o.pad);
  const int64_t width = o.win_length.value_or(o.n_fft);
  HEARTH_CHECK(width >= 1 && width <= o.n_fft, "spectrogram: win_length must be from 1 to n_fft = ", o.n_fft,
               ", but is ", width);
  HEARTH_CHECK(!o.window || o.window->defined(), "spectrogram: the window is an undefined tensor");
  const auto hann = [&] { return hann_window(width, true, {.dtype = x.dtype(), .device = x.device()}); };
  const Tensor padded = pad_signal(x, o.pad, o.pad, SignalPadding::kConstant);
  const Cut cut{.lines = padded.dim() == 1 ? padded : reshape(padded, {padded.numel() == 0 ? 0 : -1, padded.size(-1)}),
                .window = o.window ? *o.window : constants.window.get(x, hann),
                .width = width,
                .hop = o.hop_length.value_or(std::max<int64_t>(width / 2, 1))};
  Tensor y;
  if (fits(cut, o)) {
    y = transpose(by_frames(cut, o, filters ? std::optional(filters(o.n_fft / 2 + 1)) : std::nullopt), -2, -1);
  } else {
    y = by_stft(cut, o);
    if (filters) y = times(y, filters(y.size(-2)));
  }
  if (x.dim() <= 2) return y;
  Shape shape = x.shape();
  shape[x.dim() - 1] = y.size(-2);
  shape.push_back(y.size(-1));
  return reshape(y, shape);
}

Tensor amplitude_to_db(const Tensor& x, double multiplier, double amin, double db_multiplier,
                       std::optional<double> top_db) {
  const CalledAs called("amplitude_to_db");
  expect_dtypes("amplitude_to_db", x, kFloatTypes);
  HEARTH_CHECK(amin > 0, "amplitude_to_db: amin must be positive, but is ", amin);
  // f16 has no amin that small.
  if (is_half(x.dtype())) {
    return amplitude_to_db(x.to(f32), multiplier, amin, db_multiplier, top_db).to(x.dtype());
  }
  const Tensor db = log10(clamp(x, Scalar(amin))) * multiplier - multiplier * db_multiplier;
  if (!top_db || db.numel() == 0) return db;
  if (db.dim() <= 3) return maximum(db, db.amax({}) - *top_db);
  const int d = db.dim();
  return maximum(db, amax(db, {d - 3, d - 2, d - 1}, true) - *top_db);
}

Tensor db_to_amplitude(const Tensor& x, double ref, double power) {
  const CalledAs called("db_to_amplitude");
  expect_dtypes("db_to_amplitude", x, kFloatTypes);
  if (is_half(x.dtype())) return db_to_amplitude(x.to(f32), ref, power).to(x.dtype());
  return exp(x * (0.1 * power * std::log(10.0))) * ref;
}

}  // namespace hearth::audio
