#include "audio/ops/cepstrum.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "audio/ops/constants_internal.h"
#include "audio/ops/filter_bank_internal.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/computed.h"
#include "core/ops/math.h"

namespace hearth::audio {
namespace {

// Of filters' sums [..., filters, frames].
Tensor cepstrum(const Tensor& sums, int64_t count, bool ortho, bool natural, detail::Constants& constants) {
  const Tensor level = natural ? log(sums + 1e-6) : amplitude_to_db(sums, 10, 1e-10, 0, 80);
  return detail::times(level, constants.transform.get(sums, [&] {
    return create_dct(count, sums.size(-2), ortho, {.dtype = sums.dtype(), .device = sums.device()});
  }));
}

}  // namespace

Tensor create_dct(int64_t n_mfcc, int64_t n_mels, bool ortho, const TensorOptions& o) {
  HEARTH_CHECK(n_mfcc >= 1 && n_mels >= 1, "create_dct: sizes must be positive, but are ", n_mfcc, " and ", n_mels);
  const auto n = static_cast<double>(n_mels);
  return computed("create_dct", {n_mels, n_mfcc}, o, [&](int64_t i) {
    const int64_t mel = i / n_mfcc, k = i % n_mfcc;
    const double c = std::cos(std::numbers::pi / n * (static_cast<double>(mel) + 0.5) * static_cast<double>(k));
    return !ortho ? 2 * c : k == 0 ? std::sqrt(1 / n) : c * std::sqrt(2 / n);
  });
}

Tensor mfcc(const Tensor& x, const MfccOptions& o) {
  detail::Constants constants;
  return detail::mfcc(x, o, constants);
}

Tensor detail::mfcc(const Tensor& x, const MfccOptions& o, Constants& constants) {
  const CalledAs called("mfcc");
  HEARTH_CHECK(o.n_mfcc <= o.mel.n_mels, "mfcc: ", o.n_mfcc, " coefficients of ", o.mel.n_mels, " mels are too many");
  return cepstrum(mel_spectrogram(x, o.mel, constants), o.n_mfcc, o.ortho, o.log_mels, constants);
}

Tensor linear_fbanks(int64_t n_freqs, double f_min, double f_max, int64_t n_filter, int64_t sample_rate,
                     const TensorOptions& o) {
  HEARTH_CHECK(n_freqs >= 2 && n_filter >= 1 && sample_rate >= 1, "linear_fbanks: ", n_filter, " filters over ",
               n_freqs, " frequencies at a rate of ", sample_rate, " are not possible");
  HEARTH_CHECK(f_min >= 0 && f_min < f_max,
               "linear_fbanks: the frequencies must rise from f_min >= 0 to f_max, but are ", f_min, " and ", f_max);
  checked_numel({n_freqs, n_filter + 2}, sizeof(double), "linear_fbanks");
  std::vector<double> at;
  for (int64_t i = 0; i < n_filter + 2; ++i)
    at.push_back(f_min + (f_max - f_min) * static_cast<double>(i) / static_cast<double>(n_filter + 1));
  return detail::triangles("linear_fbanks", n_freqs, at, sample_rate, false, o);
}

Tensor lfcc(const Tensor& x, const LfccOptions& o) {
  const CalledAs called("lfcc");
  HEARTH_CHECK(o.n_lfcc <= o.n_filter, "lfcc: ", o.n_lfcc, " coefficients of ", o.n_filter, " filters are too many");
  HEARTH_CHECK(o.spectrogram.power, "lfcc: filters take no complex spectra; give a power");
  HEARTH_CHECK(o.spectrogram.onesided, "lfcc: filters are of one-sided spectra");
  detail::Constants constants;
  const Tensor sums = detail::filtered_spectrogram(x, o.spectrogram, constants, [&](int64_t n_freqs) {
    return linear_fbanks(n_freqs, o.f_min, o.f_max.value_or(detail::nyquist(o.sample_rate)), o.n_filter, o.sample_rate,
                         {.dtype = x.dtype(), .device = x.device()});
  });
  return cepstrum(sums, o.n_lfcc, o.ortho, o.log_lf, constants);
}

}  // namespace hearth::audio
