// JSON from outside, read strictly. For files of this repository only: users never see nlohmann-json.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"

namespace hearth::io {

// Refuses invalid UTF-8, a key that stands twice in one object, nesting deeper than max_depth, and more than max_values
// keys and values, which bounds the memory it takes; all with kInvalidArgument naming the place.
absl::StatusOr<nlohmann::json> parse_json(std::string_view text, int max_depth = 64, size_t max_values = 4'000'000);

}  // namespace hearth::io
