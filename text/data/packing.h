// Documents as one stream of tokens, cut into blocks of one length: what language models are trained on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// The tokens of all documents, one after the other, with `separator` after each. Special tokens in the texts are read
/// as plain text, and none are added. Runs on all cores. Errors as of Tokenizer::encode_ids_batch(). kInvalidArgument:
/// the separator is not the id of a token.
absl::StatusOr<std::vector<int32_t>> pack_documents(const Tokenizer& tokenizer, std::span<const std::string> documents,
                                                    int32_t separator);

/// Blocks of `length` tokens. Example i has "input", the tokens from i * length on, and "target", those one place
/// later: the target of each token is the next one, and every token but the stream's first is a target once. What is
/// left at the end, less than a block, is left out. Both are i64 [length]. Throws Error unless length is at least 1 and
/// there are tokens for one block, length + 1.
data::TensorDataset packed_blocks(std::span<const int32_t> tokens, int64_t length);

}  // namespace hearth::text
