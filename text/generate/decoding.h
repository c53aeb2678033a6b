// Decoding: one text as it grows, a row of logits at a time. generate() steps many of them together with one model; so
// may whoever has rows of logits: a server that joins the texts of several clients.
//
//   absl::StatusOr<DecodingPlan> plan = DecodingPlan::make(config, {.vocabulary = n, .max_positions = m});
//   absl::StatusOr<Decoding> text = Decoding::begin(*plan, prompt);
//   Scratch scratch;
//   while (!text->finished()) {
//     absl::StatusOr<DecodedToken> token = text->next(logits, scratch);   // logits: of the token after prompt and text
//     …
//   }
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/generate/generation_config.h"
#include "text/generate/processors.h"
#include "text/generate/sampler.h"
#include "text/generate/stopping.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// Why a text has ended.
enum class FinishReason : uint8_t {
  kEos,         ///< The last token ends texts (eos_token_id).
  kStopString,  ///< The last token completes a stop string.
  kLength,      ///< The text is as long as it may be.
  kTime,        ///< max_time is over.
  kCancelled,   ///< The caller has ended it.
};
/// Its name: "eos", "stop_string", "length", "time", "cancelled".
const char* to_string(FinishReason reason);

/// What a model takes.
struct ModelLimits {
  int64_t vocabulary = 0;     ///< The number of ids.
  int64_t max_positions = 0;  ///< The longest sequence, prompt and new tokens together.
};

/// A configuration that has been checked against a model. A value; copies share everything, and many texts use one.
class DecodingPlan {
 public:
  /// `tokenizer` gives texts to the tokens; null: ids alone. Errors as of check_generation_config(); in addition
  /// kInvalidArgument for an id that is not in the vocabulary and for stop strings without a tokenizer. A tokenizer may
  /// have fewer ids than the model, or more.
  static absl::StatusOr<DecodingPlan> make(const GenerationConfig& config, const ModelLimits& limits,
                                           const Tokenizer* tokenizer = nullptr, bool skip_special_tokens = true);

  /// The configuration, with each id of eos_token_id once, in rising order.
  const GenerationConfig& config() const { return parts_->config; }
  /// The model's limits.
  const ModelLimits& limits() const { return parts_->limits; }
  /// What is done to scores.
  const Processors& processors() const { return parts_->processors; }
  /// The most tokens that a sequence with this prompt may have, prompt included. kInvalidArgument: the prompt is empty,
  /// has an id that is not in the vocabulary, or leaves no room for a new token.
  absl::StatusOr<int64_t> most_tokens(std::span<const int32_t> prompt) const;
  /// Whether this token ends a text.
  bool is_eos(int32_t id) const;
  /// Whether there are stop strings.
  bool has_stop_strings() const { return !parts_->stop_strings->empty(); }
  /// The text after a prompt; nothing without a tokenizer.
  std::optional<TextPieces> text_after(std::span<const int32_t> prompt) const;

 private:
  struct Parts {
    GenerationConfig config;
    ModelLimits limits;
    Processors processors;
    std::shared_ptr<const StopStrings> stop_strings;
    std::optional<Tokenizer> tokenizer;
    bool skip_special_tokens;
  };
  explicit DecodingPlan(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

/// What a step adds to a text.
struct DecodedToken {
  int32_t id = 0;         ///< The token.
  std::string text;       ///< The text that is complete with it and can be shown, often empty.
  bool finished = false;  ///< It is the last one.
};

/// One text: greedy, or drawn.
class Decoding {
 public:
  /// A text after `prompt`. With do_sample `number` tells the texts of a prompt apart: each draws other numbers. Errors
  /// as of DecodingPlan::most_tokens().
  static absl::StatusOr<Decoding> begin(const DecodingPlan& plan, std::vector<int32_t> prompt, uint64_t number = 0);

  /// Chooses the token after prompt and text from its logits, one for each id. Throws nothing. kInternal: a logit is
  /// NaN or +infinity; kInvalidArgument, kFailedPrecondition: nothing can be chosen from what the penalties leave over,
  /// the row has another size, or the text is finished.
  absl::StatusOr<DecodedToken> next(std::span<const float> logits, Scratch& scratch);
  /// Ends the text where it is; returns what had been held back of it.
  absl::StatusOr<std::string> finish(FinishReason reason);

  /// True when no token follows.
  bool finished() const { return reason_.has_value(); }
  /// Why; only when finished.
  FinishReason reason() const { return *reason_; }
  /// Prompt and new tokens.
  std::span<const int32_t> tokens() const { return ids_; }
  /// The new tokens, the end of the text and what completes a stop string included.
  std::span<const int32_t> new_tokens() const { return std::span(ids_).subspan(prompt_); }

 private:
  Decoding(const DecodingPlan& plan, std::vector<int32_t> prompt, int64_t most, uint64_t number);
  DecodingPlan plan_;
  std::vector<int32_t> ids_;
  size_t prompt_;
  int64_t most_;
  TokenRandom random_;
  std::optional<TextPieces> text_;
  std::optional<FinishReason> reason_;
};

}  // namespace hearth::text
