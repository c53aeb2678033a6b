// The choice of a token from a row of scores.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "text/generate/processors.h"

namespace hearth::text {

/// kInternal if a logit is NaN or +infinity: no text can follow from such a row. -infinity excludes a token.
absl::Status check_logits(std::span<const float> logits);

/// The id of the highest score, the lowest of several. kFailedPrecondition: all tokens are excluded; kInvalidArgument:
/// the highest score is not finite, or one is NaN, because a penalty or a temperature is too strong.
absl::StatusOr<int32_t> best_token(std::span<const float> scores);

/// A token drawn with the probabilities that are the softmax of the scores, by a number from 0 to 1 (excluded) that is
/// uniform. Errors as for best_token().
absl::StatusOr<int32_t> draw_token(std::span<const float> scores, double uniform, Scratch& scratch);

/// Uniform numbers for the tokens of one text, the same wherever and beside whatever it is made: they follow from the
/// seed, the prompt, and which of the prompt's texts it is.
class TokenRandom {
 public:
  TokenRandom() = default;
  /// Of text `number` of a prompt.
  TokenRandom(uint64_t seed, std::span<const int32_t> prompt, uint64_t number);
  /// For the token at this place of the new text: from 0 to 1 (excluded), with 53 random bits.
  double uniform(uint64_t place) const;

 private:
  uint64_t seed_ = 0, stream_ = 0;
};

}  // namespace hearth::text
