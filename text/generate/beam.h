// Beam search: the likeliest texts of a prompt, as transformers searches for them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "text/generate/decoding.h"

namespace hearth::text {

/// A row that goes on: the sequence of `row`, with `token` behind it.
struct Continuation {
  int64_t row = 0;    ///< One of the rows of the last step.
  int32_t token = 0;  ///< What follows.
};

/// A text that a beam search has found.
struct Hypothesis {
  std::vector<int32_t> ids;                     ///< Prompt and new tokens.
  double score = 0;                             ///< The sum of log-probabilities divided by length^length_penalty.
  FinishReason reason = FinishReason::kLength;  ///< Why it ends.
};

/// The beams of one prompt. Of all that can follow the running beams, the best 2 num_beams are looked at (more where
/// several tokens end texts): those that end are finished if they are among the first num_beams, and the best of the
/// others run on. Of equal scores the earlier beam and the lower id come first. What can follow is never counted twice
/// and never excluded, so that small vocabularies have fewer beams at first.
class BeamSearch {
 public:
  /// Begins with one row, that of the prompt. Errors as of DecodingPlan::most_tokens().
  static absl::StatusOr<BeamSearch> begin(const DecodingPlan& plan, std::vector<int32_t> prompt);

  /// The number of rows that step() takes: at first 1, then one for each running beam. 0 when finished.
  int64_t rows() const { return static_cast<int64_t>(running_.size()); }
  /// True when the search is over.
  bool finished() const { return running_.empty(); }
  /// Takes the logits of the token after each beam, [rows(), vocabulary], and appends the rows that go on to `next`, in
  /// the order in which the next step takes them. kInternal: a logit is NaN or +infinity; kInvalidArgument: a score is
  /// not finite after all penalties, or the rows have another size; kFailedPrecondition: nothing can follow and nothing
  /// has been found.
  absl::Status step(std::span<const float> logits, Scratch& scratch, std::vector<Continuation>& next);
  /// Ends the search: the beams that run count as found, with this reason.
  void finish(FinishReason reason);
  /// The best num_return_sequences of what has been found, or what there is, the best first.
  std::vector<Hypothesis> best() const;

 private:
  struct Beam {
    std::vector<int32_t> ids;
    float score = 0;
    std::optional<TextPieces> text;  // where there are stop strings
  };
  struct Choice {  // a token behind a beam
    float score = 0;
    int64_t row = 0;
    int32_t token = 0;
    friend bool better(const Choice& a, const Choice& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.row != b.row ? a.row < b.row : a.token < b.token;
    }
  };
  BeamSearch(const DecodingPlan& plan, std::vector<int32_t> prompt, int64_t most);
  absl::Status choose(std::span<const float> logits, Scratch& scratch, std::vector<Choice>& choices) const;
  absl::StatusOr<std::optional<FinishReason>> extend(Beam& beam, const Choice& choice) const;
  double penalised(float score, int64_t length) const;
  void add(Hypothesis hypothesis);
  bool can_improve(float best_running) const;

  DecodingPlan plan_;
  size_t prompt_;
  int64_t most_, length_;
  size_t beams_, candidates_;
  std::vector<Beam> running_;      // the best first
  std::vector<Hypothesis> found_;  // the best first, at most num_beams
};

}  // namespace hearth::text
