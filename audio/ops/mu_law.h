// The µ-law of telephony (ITU-T G.711, without its rounding to segments): samples as classes, as WaveNet takes them.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Samples from -1 to 1 as i64 classes from 0 to quantization_channels - 1. Throws Error for fewer than 2 channels.
Tensor mu_law_encoding(const Tensor& x, int64_t quantization_channels = 256);
/// The samples of classes: integers give f32.
Tensor mu_law_decoding(const Tensor& x_mu, int64_t quantization_channels = 256);

}  // namespace hearth::audio
