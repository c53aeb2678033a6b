// Where there is sound and where silence, by energy, as librosa tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Options of the functions below, named and set as librosa's.
struct SilenceOptions {
  double top_db = 60;           ///< What is so much below the reference or more is silence.
  std::optional<double> ref{};  ///< The reference, a root mean square; that of the loudest frame if not given.
  int64_t frame_length = 2048;  ///< Samples of a frame.
  int64_t hop_length = 512;     ///< Samples from the middle of one frame to that of the next.
};

/// Samples from `begin` up to `end`, which is not among them.
struct SampleRange {
  int64_t begin = 0;  ///< The first sample.
  int64_t end = 0;    ///< The one after the last.
  friend bool operator==(const SampleRange&, const SampleRange&) = default;
};

/// Which frames are louder than silence, in at least one of the signals [..., time]: bool [frames]. Frame i is around
/// sample i * hop_length; beyond the ends there are zeros. Levels below 1e-5 count as 1e-5: without `ref`, signals that
/// are nowhere louder are sound all over. With NaN and without `ref` there is only silence. f32 and f64; throws Error
/// for options that are out of range.
Tensor nonsilent_frames(const Tensor& waveform, const SilenceOptions& options = {});

/// The stretches of signals [..., time] that are not silent, in whole hops. Reads values.
std::vector<SampleRange> split_silence(const Tensor& waveform, const SilenceOptions& options = {});

/// Signals [..., time] without the silence at their beginning and end, in whole hops: a view. Of silence alone nothing
/// is left. Reads values.
Tensor trim_silence(const Tensor& waveform, const SilenceOptions& options = {});

}  // namespace hearth::audio
