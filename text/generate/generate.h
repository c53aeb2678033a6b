// generate(): text after prompts.
//
//   GenerationConfig config{.max_new_tokens = 100, .eos_token_id = {2}};
//   auto texts = generate(model, {{tokenizer.encode_ids("Once upon").value()}}, config,
//                         {.tokenizer = &tokenizer, .on_token = [](const GeneratedToken& t) {
//                           std::cout << t.text << std::flush;
//                           return true;
//                         }});
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "text/generate/decoding.h"
#include "text/generate/generation_config.h"
#include "text/models/causal_lm.h"
#include "text/tokenizer/tokenizer.h"

namespace hearth::text {

/// A token as it comes, or the end of a text by max_time or GenerateOptions::stop, to which no token belongs.
struct GeneratedToken {
  int64_t prompt = 0;         ///< The place of its prompt.
  int64_t number = 0;         ///< Which of the prompt's texts it belongs to, from 0.
  std::optional<int32_t> id;  ///< The token; nothing where the text ends without a new one.
  std::string_view text;      ///< What can be shown with it, often empty. Valid during the call.
  bool finished = false;      ///< Nothing of this text follows.
};

/// A text that was made.
struct GeneratedText {
  int64_t prompt = 0;                           ///< The place of its prompt.
  std::vector<int32_t> ids;                     ///< New tokens, with what ended the text.
  std::string text;                             ///< Their text, without what ended it. Empty without a tokenizer.
  FinishReason reason = FinishReason::kLength;  ///< Why it ends.
  double score = 0;                             ///< Beam search: see Hypothesis. 0 otherwise.
};

/// What generate() needs beside model, prompts and configuration.
struct GenerateOptions {
  const Tokenizer* tokenizer = nullptr;  ///< Gives texts to the tokens. Needed for stop strings.
  bool skip_special_tokens = true;       ///< Special tokens are not part of the texts.
  /// Called for each token as soon as it is chosen, and once more where max_time or `stop` ends a text: the last call
  /// for a text has `finished`, and the pieces together are its text. False ends the text (FinishReason::kCancelled):
  /// it is then not called again, and what had been held back is in GeneratedText::text alone. Not with beams, of which
  /// nothing is known before the end.
  std::function<bool(const GeneratedToken&)> on_token;
  /// Ends all texts where they are, before the next step of the model.
  std::stop_token stop;
};

/// Texts after prompts of any lengths, all in one batch: for each prompt num_return_sequences texts (the best of a beam
/// search first; fewer, if a tiny vocabulary has no more), in the order of the prompts. A prompt gives the same text
/// for the same seed on any number of threads and beside any other prompts, as far as the model gives the same logits;
/// of equal scores the lowest id is chosen. Logits are computed in the dtype of the model, scores in f32.
///
/// Errors as of DecodingPlan::make(), DecodingPlan::most_tokens() (which name the prompt) and Decoding::next(); an
/// Error of the model becomes a Status with its text. kFailedPrecondition: the model is in training mode.
/// kUnimplemented: on_token with beams. Without prompts there are no texts.
absl::StatusOr<std::vector<GeneratedText>> generate(const CausalLm& model,
                                                    std::span<const std::vector<int32_t>> prompts,
                                                    const GenerationConfig& config,
                                                    const GenerateOptions& options = {});

/// The texts after one prompt.
absl::StatusOr<std::vector<GeneratedText>> generate(const CausalLm& model, const std::vector<int32_t>& prompt,
                                                    const GenerationConfig& config,
                                                    const GenerateOptions& options = {});

}  // namespace hearth::text
