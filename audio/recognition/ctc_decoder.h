// What was said, of the frames of a CTC model, by prefix beam search.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audio/recognition/ctc_greedy.h"
#include "audio/recognition/lexicon.h"
#include "audio/recognition/ngram.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Options of CtcBeamSearch.
struct CtcBeamOptions {
  std::vector<std::string> labels{};         ///< The name of each class.
  int64_t blank = 0;                         ///< The blank's class.
  std::optional<int64_t> delimiter{};        ///< The class that stands between words.
  int64_t beam_size = 50;                    ///< Texts that are kept after each frame.
  double beam_threshold = 50;                ///< How far below the best a text's score may be, in nats.
  std::optional<int64_t> beam_size_token{};  ///< Only so many most probable classes of a frame go on; all if not given.
  std::optional<Lexicon> lexicon{};          ///< Only its words are recognised. It needs a delimiter.
  std::optional<NgramModel> language_model{};  ///< Scores words. It needs a delimiter.
  double lm_weight = 2;                       ///< What a word's log-probability of the language model is multiplied by.
  double word_score = 0;                      ///< Added for each word.
  std::map<std::string, double> hot_words{};  ///< Added for these words, in nats. They need a delimiter.
};

/// A recognised text.
struct CtcHypothesis {
  std::vector<int64_t> tokens;     ///< Labels, delimiters among them, without blanks.
  std::vector<int64_t> frames;     ///< The frame in which each label began first.
  std::vector<std::string> words;  ///< The words; of a lexicon its own. Without a delimiter all labels are one.
  std::string text;                ///< The words with spaces between them.
  double score = 0;                ///< log(the sum of its alignments' probabilities), and what words add.
};

/// Prefix beam search (Hannun et al., 2014): texts by the sum of their alignments' probabilities. Frames may come in
/// parts: the results are those of all at once. Of words that are spelt alike, the one with the best score is taken.
class CtcBeamSearch {
 public:
  /// Throws Error for options that do not fit.
  explicit CtcBeamSearch(CtcBeamOptions options);
  /// The other object may only be destroyed or assigned to.
  CtcBeamSearch(CtcBeamSearch&&) noexcept;
  /// The same.
  CtcBeamSearch& operator=(CtcBeamSearch&&) noexcept;
  ~CtcBeamSearch();

  /// The next frames: log-probabilities [frames, classes]. Throws Error for another number of classes, for
  /// NaN, and for values above 0 (logits: take log_softmax() of them).
  void feed(const Tensor& log_probs);
  /// The best text so far; its last word may go on.
  CtcHypothesis partial() const;
  /// The best texts, if nothing follows: with the last word and the sentence's end scored. With a lexicon those that
  /// end in one of its words; only if there are none, others, without their last word.
  std::vector<CtcHypothesis> results(int64_t count = 1) const;
  /// Begins a new text.
  void reset();

 private:
  class Search;
  std::unique_ptr<Search> search_;
};

/// The best texts of all frames.
std::vector<CtcHypothesis> ctc_beam_search(const Tensor& log_probs, const CtcBeamOptions& options, int64_t count = 1);

}  // namespace hearth::audio
