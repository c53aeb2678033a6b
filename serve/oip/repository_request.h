// Requests of the model repository extension as JSON.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

namespace hearth::serve {

/// Parses the body of a request to list, load or unload models, and returns its "ready": whether only versions that
/// answer shall be listed. An empty body gives false. `unload`: the parameter "unload_dependents" is allowed.
/// kInvalidArgument for malformed JSON, and for any other parameter, which it names: Triton's "config" and "file:..."
/// would change what is loaded.
absl::StatusOr<bool> parse_repository_request(std::string_view body, bool unload);

}  // namespace hearth::serve
