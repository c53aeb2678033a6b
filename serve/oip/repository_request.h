// Requests of the model repository extension as JSON.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// The body of a request to list, load or unload models, which may be empty: its "ready". `unload`: the parameter
/// "unload_dependents" is allowed. kInvalidArgument for malformed JSON, and names a parameter that would change what is
/// loaded (Triton's "config" and "file:...").
absl::StatusOr<bool> parse_repository_request(std::string_view body, bool unload);

}  // namespace hearth::serve
