#include "audio/ops/mel.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::audio {
namespace {

constexpr double kSlaneyStep = 200.0 / 3, kSlaneyBreak = 1000, kSlaneyBreakMel = kSlaneyBreak / kSlaneyStep;
const double kSlaneyLog = std::log(6.4) / 27;

// The highest frequency of a rate. As in torchaudio that of an odd rate is rounded down.
double nyquist(int64_t rate) { return std::floor(static_cast<double>(rate) / 2); }

// Of [..., n, frames] the columns times a matrix [n, m].
Tensor times(const Tensor& x, const Tensor& matrix) { return transpose(matmul(transpose(x, -2, -1), matrix), -2, -1); }

}  // namespace

double hz_to_mel(double hz, MelScale scale) {
  if (scale == MelScale::kHtk) return 2595 * std::log10(1 + hz / 700);
  return hz < kSlaneyBreak ? hz / kSlaneyStep : kSlaneyBreakMel + std::log(hz / kSlaneyBreak) / kSlaneyLog;
}
double mel_to_hz(double mel, MelScale scale) {
  if (scale == MelScale::kHtk) return 700 * (std::pow(10, mel / 2595) - 1);
  return mel < kSlaneyBreakMel ? mel * kSlaneyStep : kSlaneyBreak * std::exp(kSlaneyLog * (mel - kSlaneyBreakMel));
}

Tensor melscale_fbanks(int64_t n_freqs, double f_min, double f_max, int64_t n_mels, int64_t sample_rate, MelNorm norm,
                       MelScale scale, const TensorOptions& o) {
  HEARTH_CHECK(n_freqs >= 2 && n_mels >= 1 && sample_rate >= 1, "melscale_fbanks: ", n_mels, " filters over ", n_freqs,
               " frequencies at a rate of ", sample_rate, " are not possible");
  HEARTH_CHECK(f_min >= 0 && f_min < f_max,
               "melscale_fbanks: the frequencies must rise from f_min >= 0 to f_max, but are ", f_min, " and ", f_max);
  const double low = hz_to_mel(f_min, scale), high = hz_to_mel(f_max, scale);
  std::vector<double> at;
  for (int64_t i = 0; i < n_mels + 2; ++i) {
    at.push_back(mel_to_hz(low + (high - low) * static_cast<double>(i) / static_cast<double>(n_mels + 1), scale));
  }
  std::vector<double> bank(static_cast<size_t>(n_freqs * n_mels));
  for (int64_t f = 0; f < n_freqs; ++f) {
    const double hz = nyquist(sample_rate) * static_cast<double>(f) / static_cast<double>(n_freqs - 1);
    for (int64_t m = 0; m < n_mels; ++m) {
      const double left = at[static_cast<size_t>(m)], top = at[static_cast<size_t>(m + 1)],
                   right = at[static_cast<size_t>(m + 2)];
      const double v = std::max(0.0, std::min((hz - left) / (top - left), (right - hz) / (right - top)));
      bank[static_cast<size_t>(f * n_mels + m)] = norm == MelNorm::kSlaney ? v * 2 / (right - left) : v;
    }
  }
  TensorOptions with = o;
  with.dtype = o.dtype.value_or(kDefaultFloat);
  return from_values(bank, {n_freqs, n_mels}, with);
}

Tensor mel_spectrogram(const Tensor& x, const MelOptions& o) {
  const CalledAs called("mel_spectrogram");
  HEARTH_CHECK(o.spectrogram.power, "mel_spectrogram: filters take no complex spectra; give a power");
  HEARTH_CHECK(o.spectrogram.onesided, "mel_spectrogram: filters are of one-sided spectra");
  const Tensor s = spectrogram(x, o.spectrogram);
  const double f_max = o.f_max.value_or(nyquist(o.sample_rate));
  return times(s, melscale_fbanks(s.size(-2), o.f_min, f_max, o.n_mels, o.sample_rate, o.norm, o.mel_scale,
                                  {.dtype = s.dtype(), .device = s.device()}));
}

Tensor create_dct(int64_t n_mfcc, int64_t n_mels, bool ortho) {
  HEARTH_CHECK(n_mfcc >= 1 && n_mels >= 1, "create_dct: sizes must be positive, but are ", n_mfcc, " and ", n_mels);
  std::vector<double> v;
  const auto n = static_cast<double>(n_mels);
  for (int64_t i = 0; i < n_mels; ++i) {
    for (int64_t k = 0; k < n_mfcc; ++k) {
      const double c = std::cos(std::numbers::pi / n * (static_cast<double>(i) + 0.5) * static_cast<double>(k));
      v.push_back(!ortho ? 2 * c : k == 0 ? std::sqrt(1 / n) : c * std::sqrt(2 / n));
    }
  }
  return from_values(v, {n_mels, n_mfcc}, {.dtype = f32});
}

Tensor mfcc(const Tensor& x, const MfccOptions& o) {
  const CalledAs called("mfcc");
  HEARTH_CHECK(o.n_mfcc <= o.mel.n_mels, "mfcc: ", o.n_mfcc, " coefficients of ", o.mel.n_mels, " mels are too many");
  const Tensor mel = mel_spectrogram(x, o.mel);
  const Tensor level = o.log_mels ? log(mel + 1e-6) : amplitude_to_db(mel, 10, 1e-10, 0, 80);
  return times(level, create_dct(o.n_mfcc, o.mel.n_mels, o.ortho).to(mel.device(), mel.dtype()));
}

Tensor whisper_log_mel(const Tensor& x, int64_t n_mels) {
  const CalledAs called("whisper_log_mel");
  const Tensor s = spectrogram(x, {.n_fft = 400, .hop_length = 160});
  const Tensor mel = times(slice(s, -1, 0, s.size(-1) - 1),
                           melscale_fbanks(201, 0, 8000, n_mels, 16000, MelNorm::kSlaney, MelScale::kSlaney,
                                           {.dtype = s.dtype(), .device = s.device()}));
  if (mel.numel() == 0) return mel;
  const Tensor level = log10(clamp(mel, Scalar(1e-10)));
  return (maximum(level, level.amax({}) - 8) + 4) / 4;
}

}  // namespace hearth::audio
