// The frames of log-probabilities that decoders read.
#pragma once

#include <limits>

#include "core/tensor/tensor.h"

namespace hearth::audio::detail {

// log_probs [frames, classes] in f64, row-major, in CPU memory. Throws Error for another shape or dtype, for no
// classes, and, with the frame, for a NaN and a value above `most`.
Tensor frames_of(const char* op, const Tensor& log_probs, double most = std::numeric_limits<double>::max());

}  // namespace hearth::audio::detail
