// What the kinds of text models share: their signature, and the tokens of what a request brings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "serve/model/value.h"
#include "text/models/too_long.h"

namespace hearth::serve {

/// Ids of tokens, a list for each text.
using TokenLists = std::vector<std::vector<int32_t>>;

/// How a text model is served: what signature.json says, completed with what the model takes and gives.
struct TextModelSignature {
  graph::Signature signature;                       ///< The signature, whose only input is "text", BYTES [batch].
  text::TooLong too_long = text::TooLong::kRefuse;  ///< By metadata "truncate", "true" or "false".
};

/// Reads the signature.json of `directory`. Its inputs, outputs and labels may be left out; if they are there, they
/// must be what the model has: `outputs`, and as many labels as `labels`, whose names it may replace. kInvalidArgument
/// names the directory and what does not fit.
absl::StatusOr<TextModelSignature> read_text_signature(const std::string& directory,
                                                       std::vector<graph::Signature::Port> outputs,
                                                       std::vector<std::string> labels = {});

/// The tokens of the input of a text model: of texts (BYTES [batch]) by `tokenize`, or as they are (i64
/// [batch, length], -1 behind the last id of each text). kInvalidArgument for an id below -1, or after a -1.
absl::StatusOr<TokenLists> tokens_of(
    const Value& input, absl::FunctionRef<absl::StatusOr<TokenLists>(const std::vector<std::string>&)> tokenize);

/// The number of tokens of each text, i64 [batch].
Tensor token_counts(const TokenLists& tokens);

/// Token ids for a trial: `rows` texts of 32 tokens, or `max_tokens` if that is less, all of an id that is not padding.
Value example_tokens(int64_t rows, int64_t max_tokens, int64_t vocabulary, int64_t padding);

}  // namespace hearth::serve
