// How loud a sound is.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// The integrated loudness in LUFS of sounds [..., channels, time] with 1 to 5 channels (left, right, centre, left and
/// right surround), by ITU-R BS.1770-4: [...]. Blocks of 0.4 s below -70 LUFS, and then those 10 below the rest, do not
/// count; a sound of which none counts gives NaN. Throws Error for a sound shorter than a block. f32 and f64.
Tensor loudness(const Tensor& waveform, int64_t sample_rate);

}  // namespace hearth::audio
