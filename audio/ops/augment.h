// Changes of sounds and spectrograms that a model should not mind: noise, speed, gain, fades, masks. As torchaudio has
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Signals [..., time] with noise of the same shape, so loud that the ratio of their energies is snr [...] in dB.
/// `lengths` [...]: samples of each signal by which energies are measured; all if not given. Noise of silence gives
/// NaN. Floating-point.
Tensor add_noise(const Tensor& waveform, const Tensor& noise, const Tensor& snr,
                 const std::optional<Tensor>& lengths = {});

/// Signals [..., time] played `factor` times as fast: resample() from factor orig_freq, rounded down, to orig_freq.
/// Throws Error unless that is at least 1.
Tensor speed(const Tensor& waveform, int64_t orig_freq, double factor);

/// Samples times 10^(gain_db / 20).
Tensor gain(const Tensor& waveform, double gain_db = 1);

/// The curve of a fade.
enum class FadeShape : uint8_t {
  kLinear,       ///< x.
  kExponential,  ///< x 2^(x - 1).
  kLogarithmic,  ///< log10(0.1 + x) + 1.
  kQuarterSine,  ///< sin(x pi / 2).
  kHalfSine,     ///< (1 - cos(x pi)) / 2.
};
/// Signals [..., time] whose first and last samples rise from 0 and fall to 0. Throws Error if they have fewer samples
/// than either.
Tensor fade(const Tensor& waveform, int64_t fade_in_len, int64_t fade_out_len, FadeShape shape = FadeShape::kLinear);

/// The dimension of a spectrogram [..., frequency, time] that is masked.
enum class MaskAxis : uint8_t {
  kFrequency,  ///< The last but one.
  kTime,       ///< The last.
};
/// Options of mask_along_axis().
struct MaskOptions {
  double mask_value = 0;  ///< What is written.
  double p = 1;           ///< At most this part of the dimension is masked.
  bool iid = false;       ///< A mask for each matrix of the leading dimensions, not one for all.
};
/// A spectrogram [..., frequency, time] with v neighbouring columns or rows masked, from one that is drawn evenly; v is
/// drawn from [0, mask_param). Every dtype. Throws Error if mask_param is negative or p not in [0, 1].
Tensor mask_along_axis(const Tensor& specgram, int64_t mask_param, MaskAxis axis, const MaskOptions& options = {},
                       Generator* generator = nullptr);

/// Options of spec_augment(), named and set as torchaudio's.
struct SpecAugmentOptions {
  int64_t n_time_masks = 10;     ///< Masks over time.
  int64_t time_mask_param = 50;  ///< Each shorter than that.
  int64_t n_freq_masks = 2;      ///< Masks over frequencies.
  int64_t freq_mask_param = 27;  ///< Each narrower than that.
  bool iid_masks = true;         ///< A mask for each matrix of the leading dimensions, not one for all.
  double p = 1;                  ///< At most this part of time is masked by a mask.
  bool zero_masking = false;     ///< Masked with 0, and not with the mean.
};
/// The masks of SpecAugment (Park et al., 2019) over a spectrogram [..., frequency, time].
Tensor spec_augment(const Tensor& specgram, const SpecAugmentOptions& options = {}, Generator* generator = nullptr);

}  // namespace hearth::audio
