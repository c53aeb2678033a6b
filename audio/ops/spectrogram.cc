#include "audio/ops/spectrogram.h"

#include <cmath>

#include "audio/ops/constants_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/ops/window.h"

namespace hearth::audio {

Tensor spectrogram(const Tensor& x, const SpectrogramOptions& o) {
  detail::Constants constants;
  return detail::spectrogram(x, o, constants);
}

Tensor detail::spectrogram(const Tensor& x, const SpectrogramOptions& o, Constants& constants) {
  const CalledAs called("spectrogram");
  expect_dtypes("spectrogram", x, DTypeSet{f32, f64});
  HEARTH_CHECK(x.dim() >= 1, "spectrogram: expected signals [..., time], but the tensor is 0-dim");
  HEARTH_CHECK(o.pad >= 0, "spectrogram: pad must not be negative, but is ", o.pad);
  const int64_t width = o.win_length.value_or(o.n_fft);
  HEARTH_CHECK(width >= 1 && width <= o.n_fft, "spectrogram: win_length must be from 1 to n_fft = ", o.n_fft,
               ", but is ", width);
  HEARTH_CHECK(!o.window || o.window->defined(), "spectrogram: the window is an undefined tensor");
  const auto hann = [&] { return hann_window(width, true, {.dtype = x.dtype(), .device = x.device()}); };
  const Tensor window = o.window ? *o.window : constants.window.get(x, hann);
  const Tensor padded = pad_signal(x, o.pad, o.pad, SignalPadding::kConstant);
  const Tensor lines = padded.dim() == 1 ? padded : reshape(padded, {padded.numel() == 0 ? 0 : -1, padded.size(-1)});
  Tensor z = stft(lines, o.n_fft,
                  {.hop_length = o.hop_length.value_or(std::max<int64_t>(width / 2, 1)),
                   .win_length = width,
                   .window = window,
                   .center = o.center,
                   .pad_mode = o.pad_mode,
                   .normalized = o.normalized == SpectrogramNorm::kFrameLength,
                   .onesided = o.onesided});
  if (x.dim() > 2) {
    Shape shape = x.shape();
    shape[x.dim() - 1] = z.size(-2);
    shape.push_back(z.size(-1));
    z = reshape(z, shape);
  }
  if (o.normalized == SpectrogramNorm::kWindow) z = z / sqrt(square(abs(window)).sum());
  if (!o.power) return z;
  if (*o.power == 1) return abs(z);
  if (*o.power == 2) return abs_square(z);
  return pow(abs(z), *o.power);
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
