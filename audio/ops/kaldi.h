// Features as Kaldi computes them (torchaudio.compliance.kaldi). Signals [..., time] in f32 or f64 are in the range of
// 16-bit integers, as Kaldi reads them: times 32768 of what load_audio() gives. There is no dither. All functions have
// gradients.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth::audio::kaldi {

/// The window of a frame.
enum class WindowType : uint8_t {
  kPovey,        ///< Hann's to the power of 0.85.
  kHanning,      ///< Hann's.
  kHamming,      ///< Hamming's.
  kRectangular,  ///< Ones.
  kBlackman,     ///< Blackman's, with FrameOptions::blackman_coeff.
};

/// How frames are cut, named and set as Kaldi's.
struct FrameOptions {
  double sample_frequency = 16000;        ///< Samples per second.
  double frame_length = 25;               ///< In milliseconds.
  double frame_shift = 10;                ///< In milliseconds.
  double preemphasis_coefficient = 0.97;  ///< Of preemphasis() within each frame.
  bool remove_dc_offset = true;           ///< Each frame less its mean.
  bool round_to_power_of_two = true;      ///< The transform's length.
  bool snip_edges = true;                 ///< Only whole frames; otherwise a frame for each shift, and mirrored ends.
  WindowType window_type = WindowType::kPovey;  ///< The window.
  double blackman_coeff = 0.42;                 ///< Of WindowType::kBlackman.
  double energy_floor = 1;                      ///< The smallest energy; 0: none.
  bool raw_energy = true;                       ///< The energy is that before pre-emphasis and window.
  bool subtract_mean = false;                   ///< Features less their mean over all frames.
};

/// The log power spectrum [..., frames, frequencies]; its first column is the log energy.
Tensor spectrogram(const Tensor& waveform, const FrameOptions& options = {});

/// Options of fbank(), named and set as Kaldi's.
struct FbankOptions {
  FrameOptions frame{};       ///< How frames are cut.
  int64_t num_mel_bins = 23;  ///< The number of filters, above 3.
  double low_freq = 20;       ///< The lowest frequency in Hz.
  double high_freq = 0;       ///< The highest; not above 0: below half of the sample frequency.
  bool use_log_fbank = true;  ///< Logarithms.
  bool use_power = true;      ///< Of power, and not of magnitude.
  bool use_energy = false;    ///< The log energy as a further column.
  bool htk_compat = false;    ///< That column is the last, and not the first.
};
/// Filters' sums [..., frames, num_mel_bins], with one column more for the energy.
Tensor fbank(const Tensor& waveform, const FbankOptions& options = {});

/// Options of mfcc(), named and set as Kaldi's.
struct MfccOptions {
  FrameOptions frame{};         ///< How frames are cut.
  int64_t num_ceps = 13;        ///< The number of coefficients, at most num_mel_bins.
  int64_t num_mel_bins = 23;    ///< The number of filters, above 3.
  double low_freq = 20;         ///< The lowest frequency in Hz.
  double high_freq = 0;         ///< The highest; not above 0: below half of the sample frequency.
  double cepstral_lifter = 22;  ///< Coefficient i times 1 + L / 2 sin(pi i / L); 0: none.
  bool use_energy = false;      ///< The log energy in place of the first coefficient.
  bool htk_compat = false;      ///< That one is the last, and not the first.
};
/// Cepstral coefficients [..., frames, num_ceps].
Tensor mfcc(const Tensor& waveform, const MfccOptions& options = {});

}  // namespace hearth::audio::kaldi
