#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "text/generate/generation_config.h"

namespace hearth::text {

/// How the model of a Hugging Face directory generates: its generation_config.json, or, where there is none, the
/// defaults with the special ids of its config.json, as in transformers. Errors as of read_generation_config() and
/// read_config().
absl::StatusOr<GenerationConfigFile> load_generation_config(const std::string& directory);

}  // namespace hearth::text
