// Samples that arrive on standard input.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

// How samples come and what rate is wanted.
struct RawFormat {
  int64_t channels, rate, wanted_rate;
};
// Reads standard input to its end, little-endian integers of 16 bits, and gives what has arrived to `hear`: f32 [1, n]
// of the wanted rate, the mean of the channels. An error if it cannot be read, ends within a sample or has none.
absl::Status hear_raw_input(const RawFormat& format, absl::FunctionRef<void(const Tensor&)> hear);

}  // namespace hearth::audio
