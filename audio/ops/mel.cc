#include "audio/ops/mel.h"

#include <cmath>
#include <vector>

#include "audio/ops/constants_internal.h"
#include "audio/ops/filter_bank_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"

namespace hearth::audio {
namespace {

constexpr double kSlaneyStep = 200.0 / 3, kSlaneyBreak = 1000, kSlaneyBreakMel = kSlaneyBreak / kSlaneyStep;
const double kSlaneyLog = std::log(6.4) / 27;

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
  checked_numel({n_freqs, n_mels + 2}, sizeof(double), "melscale_fbanks");
  std::vector<double> at;
  for (int64_t i = 0; i < n_mels + 2; ++i) {
    at.push_back(mel_to_hz(low + (high - low) * static_cast<double>(i) / static_cast<double>(n_mels + 1), scale));
  }
  return detail::triangles("melscale_fbanks", n_freqs, at, sample_rate, norm == MelNorm::kSlaney, o);
}

Tensor mel_spectrogram(const Tensor& x, const MelOptions& o) {
  detail::Constants constants;
  return detail::mel_spectrogram(x, o, constants);
}

Tensor detail::mel_spectrogram(const Tensor& x, const MelOptions& o, Constants& constants) {
  const CalledAs called("mel_spectrogram");
  HEARTH_CHECK(o.spectrogram.power, "mel_spectrogram: filters take no complex spectra; give a power");
  HEARTH_CHECK(o.spectrogram.onesided, "mel_spectrogram: filters are of one-sided spectra");
  return filtered_spectrogram(x, o.spectrogram, constants, [&](int64_t n_freqs) {
    return constants.filters.get(x, [&] {
      return melscale_fbanks(n_freqs, o.f_min, o.f_max.value_or(nyquist(o.sample_rate)), o.n_mels, o.sample_rate,
                             o.norm, o.mel_scale, {.dtype = x.dtype(), .device = x.device()});
    });
  });
}

}  // namespace hearth::audio
