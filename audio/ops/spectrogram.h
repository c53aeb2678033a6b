// Spectrograms, as torchaudio has them. All functions have gradients.
#pragma once

#include <cstdint>
#include <optional>

#include "core/ops/stft.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// By what spectra are divided.
enum class SpectrogramNorm : uint8_t {
  kNone,         ///< Nothing.
  kWindow,       ///< The square root of the sum of the window's squares.
  kFrameLength,  ///< The square root of n_fft.
};

/// Options of spectrogram(), named and set as torchaudio's.
struct SpectrogramOptions {
  int64_t n_fft = 400;                                  ///< Samples of a frame.
  std::optional<int64_t> win_length{};                  ///< Samples of the window; n_fft if not given.
  std::optional<int64_t> hop_length{};                  ///< Distance of frames; half of win_length if not given.
  int64_t pad = 0;                                      ///< Zeros before and after the signal.
  std::optional<Tensor> window{};                       ///< [win_length]; a periodic Hann window if not given.
  std::optional<double> power = 2.0;                    ///< 2: power, 1: magnitude, any other; none: complex spectra.
  SpectrogramNorm normalized = SpectrogramNorm::kNone;  ///< By what spectra are divided.
  bool center = true;                                   ///< As in StftOptions.
  SignalPadding pad_mode = SignalPadding::kReflect;     ///< As in StftOptions.
  bool onesided = true;                                 ///< Only n_fft / 2 + 1 frequencies.
};

/// The spectrogram [..., frequencies, frames] of signals [..., time], real (f32, f64). Throws Error as stft().
Tensor spectrogram(const Tensor& waveform, const SpectrogramOptions& options = {});

/// Decibels: multiplier log10(max(x, amin)) - multiplier db_multiplier. multiplier is 10 for power and 20 for
/// amplitude. With top_db nothing is lower than that below the largest value; [channel, frequency, time] is one piece,
/// and a leading dimension holds pieces of their own.
Tensor amplitude_to_db(const Tensor& x, double multiplier = 10, double amin = 1e-10, double db_multiplier = 0,
                       std::optional<double> top_db = {});
/// ref (10^(x / 10))^power: of power with 1, of amplitude with 0.5.
Tensor db_to_amplitude(const Tensor& x, double ref = 1, double power = 1);

}  // namespace hearth::audio
