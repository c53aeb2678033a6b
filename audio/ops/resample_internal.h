// The filter of resample().
#pragma once

#include "audio/ops/resample.h"

namespace hearth::audio::detail {

// The operand and the attributes of kResample.
struct ResampleFilter {
  Tensor taps;  // [to, 2 width + 1]
  ResampleAttrs attrs;
  int64_t width;  // how many samples on each side of its place a sample is made of
};

// Between rates that are not equal. Throws Error as resample().
ResampleFilter resample_filter(int64_t orig_freq, int64_t new_freq, const ResampleOptions& options,
                               const TensorOptions& tensor);
// Throws Error for rates and options that are not possible.
void check_resample(int64_t orig_freq, int64_t new_freq, const ResampleOptions& options);

}  // namespace hearth::audio::detail
