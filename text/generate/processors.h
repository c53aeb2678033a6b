// What generation does to the scores of the next token before it chooses: penalties, exclusions, and the cuts of
// sampling. Each is a function over a row of scores, one for each id; an excluded token has the score -infinity. All
// give what transformers' logits processors of the same settings give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/generate/generation_config.h"

namespace hearth::text {

/// The tokens of a sequence so far.
struct Tokens {
  std::span<const int32_t> ids;  ///< Prompt and new tokens; at least one. Each is an id of the scores' row.
  size_t prompt = 0;             ///< How many of them are the prompt.
};

/// A token in a selection.
struct Candidate {
  float key = 0;     ///< What candidates are ordered by, ascending.
  float weight = 0;  ///< What is added up.
  int32_t id = 0;    ///< Of equal keys the lowest id comes first.
};

/// Memory that is used again from step to step: about one row. One thread at a time.
struct Scratch {
  std::vector<float> scores;          ///< The row itself, where it is changed.
  std::vector<float> row;             ///< For scores beside it.
  std::vector<float> sums;            ///< Zero between uses.
  std::vector<int32_t> counts;        ///< Zero between uses.
  std::vector<Candidate> candidates;  ///< For selections.
};

/// Orders candidates so that the first n, the result, are the fewest whose weights add up to `mass` or more; all, if no
/// such n exists. At least 1 of a list that is not empty. Takes time linear in their number.
size_t select_mass(std::span<Candidate> candidates, double mass);

/// The score of each token that stands in `ids` is divided by `penalty` if it is above 0, else multiplied by it.
void penalize_repetition(std::span<float> scores, std::span<const int32_t> ids, float penalty, Scratch& scratch);
/// Subtracts `frequency` for each time that a token stands in `ids`, and `presence` once.
void penalize_occurrence(std::span<float> scores, std::span<const int32_t> ids, float frequency, float presence,
                         Scratch& scratch);
/// Excludes tokens that would repeat n tokens in a row that stand in `ids` already. n must be at least 1.
void exclude_repeated_ngrams(std::span<float> scores, std::span<const int32_t> ids, int64_t n);
/// Excludes these tokens.
void exclude(std::span<float> scores, std::span<const int32_t> tokens);
/// Excludes all tokens but these, whose scores become 0.
void force(std::span<float> scores, std::span<const int32_t> tokens);
/// NaN becomes 0, +infinity the largest and -infinity the lowest finite number.
void remove_invalid_values(std::span<float> scores);
/// Adds abs(score) * (factor^steps - 1) to the scores of these tokens that are finite; they stay finite.
void raise(std::span<float> scores, std::span<const int32_t> tokens, double factor, int64_t steps);

// The functions below need scores that are neither NaN nor +infinity.

/// Divides by the temperature.
void scale_temperature(std::span<float> scores, float temperature);
/// Keeps the k best tokens, and those as good as the last of them. k must be at least 1.
void keep_top_k(std::span<float> scores, int64_t k, Scratch& scratch);
/// Keeps the fewest best tokens that together have the probability p (Holtzman et al., 2020).
void keep_top_p(std::span<float> scores, double p, Scratch& scratch);
/// Keeps tokens that are at least p times as likely as the best (Nguyen et al., 2024).
void keep_min_p(std::span<float> scores, double p);
/// Keeps the tokens whose information is nearest to the entropy and that together have the probability `mass` (Meister
/// et al., 2022).
void keep_typical(std::span<float> scores, double mass, Scratch& scratch);
/// Keeps tokens of at least this probability, and the best (Hewitt et al., 2022).
void cut_epsilon(std::span<float> scores, double epsilon);
/// Keeps tokens whose probability is at least epsilon or sqrt(epsilon) * exp(-entropy), and the best (Hewitt et al.,
/// 2022).
void cut_eta(std::span<float> scores, double epsilon);
/// Scores become log-probabilities.
void log_softmax(std::span<float> scores);

/// Biases of sequences, put in order once.
class SequenceBiases {
 public:
  SequenceBiases() = default;
  /// Of two biases of the same sequence the last counts.
  explicit SequenceBiases(std::span<const SequenceBias> biases);
  /// True if there are none.
  bool empty() const { return biases_.empty(); }
  /// Adds the biases of all sequences whose other tokens stand at the end of `ids`.
  void add(std::span<float> scores, std::span<const int32_t> ids, Scratch& scratch) const;

 private:
  std::vector<SequenceBias> biases_;
};

/// All that a configuration asks for, in transformers' order.
class Processors {
 public:
  /// `config` must have passed check_generation_config(), and its ids must be in the vocabulary.
  explicit Processors(const GenerationConfig& config);
  /// True if process() would change nothing.
  bool empty() const { return empty_; }
  /// Changes the scores of the token after `tokens`. `most` is the most tokens that this sequence may have, prompt
  /// included.
  void process(std::span<float> scores, const Tokens& tokens, int64_t most, Scratch& scratch) const;

 private:
  void sample(std::span<float> scores, Scratch& scratch) const;
  GenerationConfig config_;
  SequenceBiases biases_, bad_words_;
  bool empty_ = true;
};

}  // namespace hearth::text
