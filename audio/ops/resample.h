// Another sample rate.
#pragma once

#include <cstdint>

#include "audio/ops/attrs.h"
#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The window by which the sinc is cut off.
enum class ResampleMethod : uint8_t {
  kSincHann,    ///< A Hann window.
  kSincKaiser,  ///< A Kaiser window with `beta`.
};

/// Options of resample(), named and set as torchaudio's.
struct ResampleOptions {
  int64_t lowpass_filter_width = 6;                   ///< Zero crossings of the sinc at each side: more is sharper.
  double rolloff = 0.99;                              ///< The cutoff, as a part of the lower rate's highest frequency.
  ResampleMethod method = ResampleMethod::kSincHann;  ///< The window.
  double beta = 14.769656459379492;                   ///< Of the Kaiser window.
};

/// Signals [..., time] (f32, f64) of `orig_freq` samples per second as ones of `new_freq`, [..., ceil(time new_freq /
/// orig_freq)], by interpolation with a windowed sinc (Smith, "Digital audio resampling"). Has a gradient. Throws Error
/// unless rates and options are positive. The filter has a number of values that grows with the rates over their common
/// divisor: 441 and 160 for 44.1 and 16 kHz.
Tensor resample(const Tensor& waveform, int64_t orig_freq, int64_t new_freq, const ResampleOptions& options = {});

// ---- The record (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x [..., time], filter [to, taps]) -> y [..., length], with ResampleAttrs.
extern constinit const OpDef kResample;

}  // namespace hearth::audio
