// Filters on the mel scale, and mel spectrograms, as torchaudio has them.
#pragma once

#include <cstdint>
#include <optional>

#include "audio/ops/spectrogram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The scale on which filters stand at equal distances.
enum class MelScale : uint8_t {
  kHtk,     ///< 2595 log10(1 + f / 700) (O'Shaughnessy, 1987).
  kSlaney,  ///< Linear below 1000 Hz, logarithmic above (Slaney's Auditory Toolbox, 1998); librosa's.
};
/// By what each filter is divided.
enum class MelNorm : uint8_t {
  kNone,    ///< Nothing: each has the peak 1.
  kSlaney,  ///< Half of its width in Hz: all have the same area.
};

/// Mels of a frequency in Hz.
double hz_to_mel(double hz, MelScale scale = MelScale::kHtk);
/// The frequency in Hz of mels.
double mel_to_hz(double mel, MelScale scale = MelScale::kHtk);

/// Triangular filters [n_freqs, n_mels] over n_freqs frequencies from 0 to sample_rate / 2 (that of an odd rate is
/// rounded down), computed in f64 and rounded to the options' dtype (f32).
Tensor melscale_fbanks(int64_t n_freqs, double f_min, double f_max, int64_t n_mels, int64_t sample_rate,
                       MelNorm norm = MelNorm::kNone, MelScale scale = MelScale::kHtk,
                       const TensorOptions& options = {});

/// Options of mel_spectrogram(), named and set as torchaudio's.
struct MelOptions {
  SpectrogramOptions spectrogram{};     ///< The frames and their power.
  int64_t sample_rate = 16000;          ///< Samples per second.
  double f_min = 0;                     ///< The lowest frequency in Hz.
  std::optional<double> f_max{};        ///< The highest; sample_rate / 2 if not given.
  int64_t n_mels = 128;                 ///< The number of filters.
  MelNorm norm = MelNorm::kNone;        ///< By what filters are divided.
  MelScale mel_scale = MelScale::kHtk;  ///< Where they stand.
};
/// The filters' sums [..., n_mels, frames] of a signal's spectrogram.
Tensor mel_spectrogram(const Tensor& waveform, const MelOptions& options = {});

}  // namespace hearth::audio
