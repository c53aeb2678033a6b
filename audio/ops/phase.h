// Signals of spectra: inverse spectrograms, Griffin-Lim, time stretching and pitch shifting by a phase vocoder. As
// torchaudio has them; all functions have gradients.
#pragma once

#include <cstdint>
#include <optional>

#include "audio/ops/spectrogram.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The signals [..., time] of which spectrogram() with a power of none and these options gives the spectra
/// [..., frequencies, frames]. `length` is that of the signals; without it, all that frames cover. Throws Error as
/// istft().
Tensor inverse_spectrogram(const Tensor& spectra, const SpectrogramOptions& options = {},
                           std::optional<int64_t> length = {});

/// Options of griffin_lim(), named and set as torchaudio's.
struct GriffinLimOptions {
  int64_t n_fft = 400;                  ///< Samples of a frame.
  std::optional<int64_t> win_length{};  ///< Samples of the window; n_fft if not given.
  std::optional<int64_t> hop_length{};  ///< Distance of frames; half of win_length if not given.
  std::optional<Tensor> window{};       ///< [win_length]; a periodic Hann window if not given.
  double power = 2;                     ///< Of the spectrogram's magnitudes.
  int64_t n_iter = 32;                  ///< Rounds.
  double momentum = 0.99;               ///< Of the fast algorithm, in [0, 1); 0: the original one.
  std::optional<int64_t> length{};      ///< Of the signal; all that frames cover if not given.
  bool rand_init = true;                ///< Phases begin at random, and not at 0.
};
/// A signal [..., time] that has about this spectrogram [..., frequencies, frames] (Griffin and Lim, 1984; Perraudin,
/// Balazs and Søndergaard, 2013).
Tensor griffin_lim(const Tensor& specgram, const GriffinLimOptions& options = {}, Generator* generator = nullptr);

/// Spectra [..., frequencies, frames] made `rate` times as fast, without a change of pitch: frames / rate of them,
/// rounded up. phase_advance [frequencies, 1] is by how much a phase grows from frame to frame: see phase_advance().
/// Throws Error unless the rate is positive.
Tensor phase_vocoder(const Tensor& spectra, double rate, const Tensor& phase_advance);
/// From 0 to pi hop_length, in equal steps: [frequencies, 1].
Tensor phase_advance(int64_t frequencies, int64_t hop_length, const TensorOptions& options = {});

/// Options of pitch_shift(), named and set as torchaudio's.
struct PitchShiftOptions {
  int64_t bins_per_octave = 12;         ///< Steps of an octave.
  int64_t n_fft = 512;                  ///< Samples of a frame.
  std::optional<int64_t> win_length{};  ///< Samples of the window; n_fft if not given.
  std::optional<int64_t> hop_length{};  ///< Distance of frames; a quarter of n_fft if not given.
  std::optional<Tensor> window{};       ///< [win_length]; a periodic Hann window if not given.
};
/// Signals [..., time], n_steps higher (or lower, below 0), as long as they were.
Tensor pitch_shift(const Tensor& waveform, int64_t sample_rate, int64_t n_steps, const PitchShiftOptions& options = {});

}  // namespace hearth::audio
