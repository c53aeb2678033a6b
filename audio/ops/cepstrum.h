// Cepstral coefficients, as torchaudio has them: cosine transforms of the logarithms of filters' sums.
#pragma once

#include <cstdint>
#include <optional>

#include "audio/ops/mel.h"
#include "audio/ops/spectrogram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The cosine transform of type II as a matrix [n_mels, n_mfcc], computed in f64 and rounded to the options' dtype
/// (f32); `ortho`: with orthonormal columns.
Tensor create_dct(int64_t n_mfcc, int64_t n_mels, bool ortho = true, const TensorOptions& options = {});

/// Options of mfcc(), named and set as torchaudio's.
struct MfccOptions {
  int64_t n_mfcc = 40;    ///< The number of coefficients, at most n_mels.
  bool ortho = true;      ///< The orthonormal transform.
  bool log_mels = false;  ///< Of log(mel + 1e-6), and not of decibels with a top_db of 80.
  MelOptions mel{};       ///< The mel spectrogram.
};
/// Mel-frequency cepstral coefficients [..., n_mfcc, frames].
Tensor mfcc(const Tensor& waveform, const MfccOptions& options = {});

/// Triangular filters [n_freqs, n_filter] at equal distances from f_min to f_max in Hz, over n_freqs frequencies from 0
/// to sample_rate / 2, computed in f64 and rounded to the options' dtype (f32).
Tensor linear_fbanks(int64_t n_freqs, double f_min, double f_max, int64_t n_filter, int64_t sample_rate,
                     const TensorOptions& options = {});

/// Options of lfcc(), named and set as torchaudio's.
struct LfccOptions {
  SpectrogramOptions spectrogram{};  ///< The frames and their power.
  int64_t sample_rate = 16000;       ///< Samples per second.
  int64_t n_filter = 128;            ///< The number of filters.
  double f_min = 0;                  ///< The lowest frequency in Hz.
  std::optional<double> f_max{};     ///< The highest; sample_rate / 2 if not given.
  int64_t n_lfcc = 40;               ///< The number of coefficients, at most n_filter.
  bool ortho = true;                 ///< The orthonormal transform.
  bool log_lf = false;               ///< Of log(x + 1e-6), and not of decibels with a top_db of 80.
};
/// Linear-frequency cepstral coefficients [..., n_lfcc, frames].
Tensor lfcc(const Tensor& waveform, const LfccOptions& options = {});

}  // namespace hearth::audio
