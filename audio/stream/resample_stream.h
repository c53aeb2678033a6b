// ResampleStream: another sample rate, of a sound that arrives in parts.
#pragma once

#include <cstdint>

#include "audio/ops/resample.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// resample() of a signal in parts of any size. Put together they have the bits that resample() of the whole signal
/// gives. No gradients.
class ResampleStream {
 public:
  /// As of resample(). Throws Error as it does.
  ResampleStream(int64_t orig_freq, int64_t new_freq, const ResampleOptions& options = {});
  /// The samples that are certain after these samples [..., time], f32 or f64: maybe none. All dimensions but the last,
  /// and the dtype, are as in the first call.
  Tensor operator()(const Tensor& waveform);
  /// The last samples. The stream then begins a new signal. Throws Error if there was none.
  Tensor finish();
  /// Begins a new signal.
  void reset();
  /// The memory that it holds, in bytes: the filter, which the first samples make, and the samples that wait.
  int64_t bytes() const;

 private:
  void begin(const Tensor& waveform);
  Tensor give(int64_t until);

  ResampleOptions options_;
  int64_t from_, to_;  // of the rates over their common divisor
  Tensor taps_;        // the filter
  ResampleAttrs attrs_;
  int64_t width_ = 0;  // samples on each side that a sample is made of
  Tensor waiting_;     // samples from first_ on
  int64_t first_ = 0, received_ = 0, given_ = 0;
};

}  // namespace hearth::audio
