// What the users of an encoder share: texts to tokens, and tokens through the encoder in batches of like length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"
#include "text/models/bert.h"
#include "text/models/text_name.h"
#include "text/models/too_long.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// A tokenizer for an encoder, which takes at most so many tokens.
class EncoderTokenizer {
 public:
  /// Without padding, and cutting at `max_tokens` where that is wanted, on the side that the tokenizer's truncation
  /// names. kInvalidArgument if the special tokens do not fit into that.
  static absl::StatusOr<EncoderTokenizer> make(Tokenizer tokenizer, int64_t max_tokens);
  /// The ids of each text with the special tokens. kInvalidArgument: malformed UTF-8 and other errors of
  /// Tokenizer::encode(), or a text with more tokens than max_tokens() if that is not to be cut; it is called `name`.
  absl::StatusOr<std::vector<std::vector<int32_t>>> tokens(std::span<const std::string> texts, TooLong too_long,
                                                           const TextName& name) const;
  /// The most tokens of a text.
  int64_t max_tokens() const { return max_tokens_; }
  /// The tokenizer, which cuts at max_tokens().
  const Tokenizer& tokenizer() const { return cutting_; }

 private:
  EncoderTokenizer(Tokenizer cutting, Tokenizer whole, int64_t max_tokens)
      : cutting_(std::move(cutting)), whole_(std::move(whole)), max_tokens_(max_tokens) {}
  Tokenizer cutting_, whole_;
  int64_t max_tokens_;
};

/// Rows of `width` numbers, one for each list of ids, in their order: [texts, width] f32. Lists of like length are put
/// together and padded to the longest of them, as many as are `batch_tokens` with the padding, but at least one; `run`
/// gives [batch, width] for them. A list without ids is one of padding. Throws Error if batch_tokens is below 1.
/// kInvalidArgument: a text, by its `name`, with an id that `model` does not have, or with more ids than it takes.
absl::StatusOr<Tensor> run_by_length(const BertModel& model, std::span<const std::vector<int32_t>> ids, int64_t width,
                                     int64_t batch_tokens, const TextName& name,
                                     absl::FunctionRef<Tensor(const BertInput&)> run);

}  // namespace hearth::text
