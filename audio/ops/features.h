// What is computed of frames: deltas, centroids, normalisation. As torchaudio has them; all functions have gradients.
#pragma once

#include "audio/ops/spectrogram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The slopes of features [..., time] by least squares over win_length frames around each (an even length counts as one
/// less); what is beyond the ends is as `mode` says. Throws Error for a win_length below 3.
Tensor compute_deltas(const Tensor& specgram, int64_t win_length = 5, SignalPadding mode = SignalPadding::kReplicate);

/// The mean frequency in Hz of each frame, weighted by the magnitudes of its spectrum: [..., frames] of signals
/// [..., time]. `options.power` is not looked at. A frame of silence gives NaN.
Tensor spectral_centroid(const Tensor& waveform, int64_t sample_rate, const SpectrogramOptions& options = {});

/// Options of sliding_window_cmn(), named and set as torchaudio's and Kaldi's.
struct CmnOptions {
  int64_t cmn_window = 600;      ///< Frames of the window.
  int64_t min_cmn_window = 100;  ///< Frames that the first windows have, where there are as many.
  bool center = false;           ///< The window is around the frame, and not before it.
  bool norm_vars = false;        ///< Also divides by the standard deviation.
};
/// Features [..., time, features] less their mean in a window of frames.
Tensor sliding_window_cmn(const Tensor& specgram, const CmnOptions& options = {});

}  // namespace hearth::audio
