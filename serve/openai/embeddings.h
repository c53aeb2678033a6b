// Requests and answers of POST /v1/embeddings, as OpenAI's clients send and read them:
// https://platform.openai.com/docs/api-reference/embeddings
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/base/memory_budget.h"
#include "serve/model/servable.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// A request for vectors of texts.
struct EmbeddingsRequest {
  std::string model;                         ///< The model's name.
  std::vector<std::string> texts;            ///< The texts; empty if there are token ids.
  std::vector<std::vector<int64_t>> tokens;  ///< In place of texts: the ids of each, special tokens included.
  bool base64 = false;                       ///< Vectors as base64 of little-endian FP32, not as lists of numbers.
  /// If given: each vector is cut to this number of elements and divided by its length.
  std::optional<int64_t> dimensions;
};

/// Parses the body of a request. "input" is a string, a list of strings, a list of token ids, or a list of such lists.
/// kInvalidArgument with the parameter that is wrong (with_param); unknown parameters are refused. Adds the memory of
/// the texts or ids to `memory`, which may be null; kResourceExhausted if the budget has too little left.
absl::StatusOr<EmbeddingsRequest> parse_embeddings(std::string_view body, Reservation* memory = nullptr);

/// The input of a model with these limits (Servable::text_embedding); takes the texts or ids out of `request`.
/// kInvalidArgument for an id that the model does not have, and for more ids than it takes. Adds the memory of a tensor
/// of ids to `memory`, which may be null; kResourceExhausted if the budget has too little left.
absl::StatusOr<Value> embeddings_input(EmbeddingsRequest& request, const TextEmbeddingLimits& limits,
                                       Reservation* memory = nullptr);

/// Whether vectors of `size` elements can be cut as the request says: kInvalidArgument if they are shorter.
absl::Status check_dimensions(const EmbeddingsRequest& request, int64_t size);

/// The answer from the model's outputs, vectors and token counts. kInternal if a vector has NaN or infinity.
absl::StatusOr<std::string> embeddings_json(const EmbeddingsRequest& request, const std::vector<Value>& outputs);

/// An upper bound of the memory that embeddings_json() takes, in bytes.
int64_t embeddings_json_bytes(const EmbeddingsRequest& request, const std::vector<Value>& outputs);

}  // namespace hearth::serve
