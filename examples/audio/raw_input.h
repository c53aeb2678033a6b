// Samples that arrive on standard input.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

// Standard input, little-endian integers of 16 bits, as f32 [1, n]: the mean of its channels. Gives what has arrived.
class RawInput {
 public:
  explicit RawInput(int64_t channels) : channels_(channels) {}

  // An undefined tensor at the end.
  absl::StatusOr<Tensor> read();

 private:
  int64_t channels_;
  std::string left_;  // of a frame that is not complete
};

}  // namespace hearth::audio
