// Unigram language model (Kudo, "Subword Regularization", 2018).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "text/tokenizer/model.h"
#include "text/tokenizer/string_set.h"

namespace hearth::text {

using ScoredPiece = std::pair<std::string, double>;

// The tokens whose scores add up to the most (Viterbi); what is not in the vocabulary costs 10 more than its worst
// token.
class Unigram : public Model {
 public:
  static absl::StatusOr<std::unique_ptr<Unigram>> create(std::vector<ScoredPiece> pieces,
                                                         std::optional<uint64_t> unk_id, bool byte_fallback);
  const std::vector<double>& scores() const { return scores_; }
  const std::optional<uint32_t>& unk_id() const { return unk_id_; }
  bool byte_fallback() const { return byte_fallback_; }
  bool shows_text(uint32_t id) const override { return unk_id_ && id == *unk_id_; }

 protected:
  absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const override;

 private:
  explicit Unigram(Vocabulary vocabulary) : Model(std::move(vocabulary)) {}
  absl::Status best_path(std::string_view word, std::vector<ModelToken>& out) const;
  absl::Status emit(std::string_view word, uint32_t begin, uint32_t end, std::vector<ModelToken>& out) const;
  std::vector<double> scores_;  // by id
  double unknown_score_ = 0;
  std::optional<uint32_t> unk_id_;
  bool byte_fallback_ = false;
  StringSet tokens_;
};

}  // namespace hearth::text
