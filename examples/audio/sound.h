// A recording as a model hears it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

// The mean of a file's channels at this rate, f32 [1, samples]. Errors name the path; a sound without samples, or with
// some that are not finite, is one.
absl::StatusOr<Tensor> load_sound(const std::string& path, int64_t rate);

}  // namespace hearth::audio
