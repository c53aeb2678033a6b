// GenerationConfig: how text is generated; what a Hugging Face directory's generation_config.json says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::text {

/// When a beam search ends (transformers' `early_stopping`).
enum class EarlyStopping : uint8_t {
  kHeuristic,  ///< false: when no beam that runs is better than the worst finished one, at the length it has now.
  kFirst,      ///< true: as soon as num_beams sequences are finished.
  kNever,      ///< "never": when no beam that runs can become better than the worst finished one.
};

/// A number that is added to the score of the last of `ids` where the others stand right before it. With one id it is
/// added always: what OpenAI calls logit_bias.
struct SequenceBias {
  std::vector<int32_t> ids;  ///< At least one.
  float bias = 0;            ///< Finite. Above 0 the sequence becomes likelier.
};

/// How text is generated. Names, meanings and defaults are those of transformers' GenerationConfig; fields that are not
/// there say so. Lengths are those of one sequence, without padding, so that a prompt gives the same text whatever
/// stands beside it in a batch.
struct GenerationConfig {
  // ---- Length and end. A sequence also ends when it is as long as the model can take.
  std::optional<int64_t> max_new_tokens;  ///< At least 1. Without it and max_length: 20.
  std::optional<int64_t> max_length;      ///< With the prompt. Only where max_new_tokens is not set.
  std::optional<int64_t> min_new_tokens;  ///< No end-of-sequence token before that.
  int64_t min_length = 0;                 ///< With the prompt. Only where min_new_tokens is not set.
  std::optional<double> max_time;         ///< Seconds, after which every sequence ends with the token it is at.
  std::vector<std::string> stop_strings;  ///< Texts that end a sequence. They need a tokenizer.
  std::vector<int32_t> eos_token_id;      ///< Each of these ends a sequence.
  std::optional<int32_t> bos_token_id;    ///< Begins a text. generate() does not add it; tokenizers do.
  std::optional<int32_t> pad_token_id;    ///< Not needed: padding is masked.
  // ---- Strategy: greedy by default.
  bool do_sample = false;                                    ///< Tokens are drawn. Not with beams.
  int64_t num_beams = 1;                                     ///< Above 1: beam search.
  EarlyStopping early_stopping = EarlyStopping::kHeuristic;  ///< Of a beam search.
  double length_penalty = 1;         ///< Finished beams are compared by their score divided by length^length_penalty.
  int64_t num_return_sequences = 1;  ///< For each prompt: that many samples, or the best of num_beams.
  uint64_t seed = 0;                 ///< Of the samples; transformers has torch.manual_seed().
  // ---- What changes the scores, in the order in which it is done.
  std::vector<SequenceBias> sequence_bias;          ///< See SequenceBias.
  double repetition_penalty = 1;                    ///< Of tokens of prompt and text (Keskar et al., "CTRL", 2019).
  double frequency_penalty = 0;                     ///< As OpenAI: subtracted for each time the new text has a token.
  double presence_penalty = 0;                      ///< As OpenAI: subtracted once if the new text has a token.
  int64_t no_repeat_ngram_size = 0;                 ///< No n tokens in a row twice, the prompt included. 0: off.
  std::vector<std::vector<int32_t>> bad_words_ids;  ///< Sequences that are never written.
  std::optional<int32_t> forced_bos_token_id;       ///< The second token, if the prompt has one token.
  std::vector<int32_t> forced_eos_token_id;         ///< What the last token is if the length runs out.
  bool remove_invalid_values = false;  ///< NaN becomes 0, infinities finite; else an error. Not with beams.
  std::optional<std::pair<int64_t, double>> exponential_decay_length_penalty;  ///< After `first` new tokens, the end
                                                                               ///< becomes likelier by a factor each.
  std::vector<int32_t> suppress_tokens;                                        ///< Tokens that are never written.
  std::vector<int32_t> begin_suppress_tokens;                                  ///< Tokens that are not written first.
  // ---- The same with do_sample alone.
  double temperature = 1;       ///< Scores are divided by it. Above 0.
  int64_t top_k = 50;           ///< Only the k best tokens, and those as good as the last of them. 0: all.
  double top_p = 1;             ///< Only the best tokens that together have this probability. Above 0, at most 1.
  std::optional<double> min_p;  ///< Only tokens that are at least this times as likely as the best. From 0 to 1.
  double typical_p = 1;         ///< As top_p, by how typical tokens are (Meister et al., 2022).
  double epsilon_cutoff = 0;    ///< Only tokens of at least this probability (Hewitt et al., 2022). Below 1.
  double eta_cutoff = 0;        ///< The same, by entropy. Below 1.
  // ---- And last:
  bool renormalize_logits = false;  ///< The scores become log-probabilities again. Changes beam searches only.
};

/// kInvalidArgument names the field whose value is out of range; kUnimplemented, beams with sampling. What depends on
/// the model is checked by generate().
absl::Status check_generation_config(const GenerationConfig& config);

/// What was read, and what of it was left aside.
struct GenerationConfigFile {
  GenerationConfig config;                ///< The configuration.
  std::vector<std::string> unknown_keys;  ///< Keys that neither Hearth nor transformers knows: tell the user.
};

/// Reads a generation_config.json, or that of a directory. Errors of the file name the path. kInvalidArgument names the
/// key whose value is of a wrong type or out of range; kUnimplemented, one that would change the text and is not
/// supported (groups of beams, contrastive search, guidance, watermarks, ...). Keys that concern speed or what is
/// returned are left aside.
absl::StatusOr<GenerationConfigFile> read_generation_config(const std::string& path);
/// The same from the file's text. `place` stands for the path in messages.
absl::StatusOr<GenerationConfigFile> parse_generation_config(std::string_view json,
                                                             const std::string& place = "generation_config.json");

/// The generation_config.json that transformers reads: the fields that differ from their defaults. It has no seed. The
/// configuration must have passed check_generation_config().
std::string generation_config_to_json(const GenerationConfig& config);

}  // namespace hearth::text
