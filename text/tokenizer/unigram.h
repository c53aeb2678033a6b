// Unigram language model (Kudo, "Subword Regularization", 2018).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "text/tokenizer/model.h"

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
  void build_trie();
  absl::Status best_path(std::string_view word, std::vector<ModelToken>& out) const;
  absl::Status emit(std::string_view word, uint32_t begin, uint32_t end, std::vector<ModelToken>& out) const;
  uint32_t child(uint32_t node, unsigned char byte) const {
    const uint64_t key = static_cast<uint64_t>(node) << 8 | byte;
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (edges_[i].key == key) return edges_[i].node;
      if (edges_[i].node == 0) return 0;
    }
  }
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15 >> 24) & mask_; }
  // A trie of the tokens' bytes. Children are found in one table, by node and byte.
  struct Edge {
    uint64_t key;
    uint32_t node;  // 0: none, the root is nobody's child
  };

  std::vector<double> scores_;  // by id
  double unknown_score_ = 0;
  std::optional<uint32_t> unk_id_;
  bool byte_fallback_ = false;
  std::vector<Edge> edges_;
  size_t mask_ = 0;
  std::vector<uint32_t> token_of_;  // by node
};

}  // namespace hearth::text
