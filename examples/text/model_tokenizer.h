// The tokenizer in the directory of a decoder.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::examples {

// From tokenizer.json, without its truncation and padding; or, where there is none, from the files that decide as much:
// vocab.json with merges.txt for GPT-2, tokenizer.model for any other decoder. tokenizer_config.json then says whether
// texts begin with <s> (add_bos_token; true for tokenizer.model) and end with </s> (add_eos_token; false), and which
// tokens were added (added_tokens_decoder). kInvalidArgument: the files do not say how the model cuts texts.
absl::StatusOr<text::Tokenizer> tokenizer_of(const std::string& directory);

}  // namespace hearth::examples
