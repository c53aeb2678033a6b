#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "text/generate/generation_config.h"

namespace hearth::text {

/// How the model of a Hugging Face directory generates: its generation_config.json, or, where there is none, what its
/// config.json says of generation, as in transformers. Of the latter's special ids those that are not in the model's
/// vocabulary are left out, as no text has them; unknown keys are those that neither the model nor generation knows.
/// Errors as of read_generation_config() and read_config().
absl::StatusOr<GenerationConfigFile> load_generation_config(const std::string& directory);

}  // namespace hearth::text
