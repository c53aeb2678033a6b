// Filters of the second order for equalizers and effects, as torchaudio and SoX have them: lfilter() with coefficients
// of Robert Bristow-Johnson's Audio EQ Cookbook, cut to -1…1. Signals [..., time], floating-point. Frequencies are in
// Hz, gains in dB, q is the quality (centre frequency over bandwidth). Throw Error unless the sample rate is positive,
// the frequency from 0 to half of it, and q above 0.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Any filter of the second order: a0 y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]. Throws Error if
/// a0 is 0.
Tensor biquad(const Tensor& waveform, double b0, double b1, double b2, double a0, double a1, double a2);
/// Passes what is below the cutoff.
Tensor lowpass_biquad(const Tensor& waveform, int64_t sample_rate, double cutoff_freq, double q = 0.707);
/// Passes what is above the cutoff.
Tensor highpass_biquad(const Tensor& waveform, int64_t sample_rate, double cutoff_freq, double q = 0.707);
/// Changes phases alone.
Tensor allpass_biquad(const Tensor& waveform, int64_t sample_rate, double central_freq, double q = 0.707);
/// Passes a band. `const_skirt_gain`: the slopes have a constant gain, and the peak is q; otherwise the peak is 1.
Tensor bandpass_biquad(const Tensor& waveform, int64_t sample_rate, double central_freq, double q = 0.707,
                       bool const_skirt_gain = false);
/// Passes what is outside of a band.
Tensor bandreject_biquad(const Tensor& waveform, int64_t sample_rate, double central_freq, double q = 0.707);
/// SoX's "band": a resonator; `noise` is its mode for sounds without pitch.
Tensor band_biquad(const Tensor& waveform, int64_t sample_rate, double central_freq, double q = 0.707,
                   bool noise = false);
/// Raises or lowers a band.
Tensor equalizer_biquad(const Tensor& waveform, int64_t sample_rate, double center_freq, double gain, double q = 0.707);
/// Raises or lowers what is below a frequency.
Tensor bass_biquad(const Tensor& waveform, int64_t sample_rate, double gain, double central_freq = 100,
                   double q = 0.707);
/// Raises or lowers what is above a frequency.
Tensor treble_biquad(const Tensor& waveform, int64_t sample_rate, double gain, double central_freq = 3000,
                     double q = 0.707);
/// Undoes the emphasis of a Compact Disc (ISO 908). The rate must be 44100 or 48000.
Tensor deemph_biquad(const Tensor& waveform, int64_t sample_rate);
/// Plays what was cut into vinyl (RIAA). The rate must be 44100, 48000, 88200 or 96000.
Tensor riaa_biquad(const Tensor& waveform, int64_t sample_rate);

}  // namespace hearth::audio
