// Byte-pair encoding (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016).
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "text/tokenizer/model.h"

namespace hearth::text {

struct BpeOptions {
  std::optional<float> dropout;  // the probability that a merge is left out, in [0, 1]
  std::optional<std::string> unk_token;
  std::optional<std::string> continuing_subword_prefix;
  std::optional<std::string> end_of_word_suffix;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

using Merge = std::pair<std::string, std::string>;

// Merges the pair of the lowest rank first; of equal ranks the leftmost. A word of n symbols takes n log n steps: pairs
// wait in a heap, symbols are linked. Long texts are first cut where no token of the vocabulary goes across, which
// changes nothing, and lets the cache work where there is no pre-tokenizer.
class Bpe : public Model {
 public:
  // Merge i has rank i, or ranks[i] if there are ranks. kInvalidArgument: a part or the result of a merge is not in the
  // vocabulary, or dropout is no probability.
  static absl::StatusOr<std::unique_ptr<Bpe>> create(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                                     BpeOptions options, const std::vector<uint32_t>& ranks = {});

  const BpeOptions& options() const { return options_; }
  // Ascending by rank.
  std::vector<Merge> merges() const;
  bool take_bytes() override;

 protected:
  absl::Status tokenize_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const override;

 private:
  struct Joined {
    uint32_t rank;
    uint32_t id;
  };
  struct Slot {
    uint64_t pair;
    Joined joined;
  };
  struct Heap;
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  Bpe(Vocabulary vocabulary, BpeOptions options) : Model(std::move(vocabulary)), options_(std::move(options)) {}
  absl::Status set_merges(const std::vector<Merge>& merges, const std::vector<uint32_t>& ranks);
  void find_cuts();
  // rank is kNone if the two are not merged.
  Joined join(uint32_t left, uint32_t right) const {
    const uint64_t pair = static_cast<uint64_t>(left) << 32 | right;
    for (size_t i = slot_of(pair);; i = (i + 1) & mask_) {
      if (slots_[i].pair == pair) return slots_[i].joined;
      if (slots_[i].joined.rank == kNone) return {kNone, kNone};
    }
  }
  size_t slot_of(uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15 >> 20) & mask_; }

  absl::Status symbols(std::string_view word, std::vector<ModelToken>& out) const;
  absl::Status merge_word(std::string_view word, Random& random, std::vector<ModelToken>& out) const;
  absl::Status segment(std::string_view part, size_t first, Random& random, std::vector<ModelToken>& out) const;
  void merge_few(std::vector<ModelToken>& out, size_t from) const;
  void merge_many(std::vector<ModelToken>& out, size_t from, Random& random) const;

  BpeOptions options_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  bool bytes_ = false;                    // words are raw bytes
  std::array<uint32_t, 256> byte_ids_{};  // of raw bytes, or of <0x00> ... with byte_fallback
  Vocabulary raw_;                        // by raw bytes, for ignore_merges
  bool cuts_ = false;                     // words may be cut
  absl::flat_hash_set<uint64_t> inside_;  // neighbouring characters of which some token has both
  std::vector<bool> inside_bytes_;        // the same for raw bytes
  absl::flat_hash_set<char32_t> known_;   // characters that are tokens
};

}  // namespace hearth::text
