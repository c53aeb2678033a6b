// NgramModel: which words follow which.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hearth::audio {

/// A language model of n-grams with backoff, read from the ARPA format (SRILM's ngram-format, KenLM). A value: const,
/// and used by many threads.
class NgramModel {
 public:
  /// Reads a text in ARPA format. kInvalidArgument, with the line, for anything that is not: counts that do not fit the
  /// entries, a probability above 1, words without a unigram, contexts without an entry, entries that are there twice,
  /// an end that is missing.
  static absl::StatusOr<NgramModel> parse(std::string_view arpa);
  /// The same of a file, of at most 4 GB.
  static absl::StatusOr<NgramModel> load(const std::string& path);

  /// The longest n-gram's number of words.
  int order() const;
  /// The number of words with an entry.
  int64_t size() const;
  /// The number of a word; that of unknown words if it has no entry.
  int32_t word(std::string_view word) const;
  /// The number that unknown words have, `<unk>`.
  int32_t unknown() const { return 0; }
  /// What a sentence begins with: the history of its first word.
  std::vector<int32_t> begin() const;
  /// The natural logarithm of a word's probability after a history, whose last order() - 1 words count. The history
  /// becomes that of the next word.
  double score(std::vector<int32_t>& history, int32_t word) const;
  /// The natural logarithm of the probability that the sentence ends after a history.
  double end(std::vector<int32_t> history) const;
  /// The natural logarithm of the probability of a whole sentence, its end included.
  double sentence(std::span<const std::string> words) const;

 private:
  struct Table;
  explicit NgramModel(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

}  // namespace hearth::audio
