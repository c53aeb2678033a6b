// How far recognised texts are from what was said.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::audio {

/// The fewest changes that make one sequence of another, by kind (Levenshtein, 1966). Of several ways that are as short
/// the one with most substitutions is counted.
struct Edits {
  int64_t substitutions = 0;  ///< Elements that are others.
  int64_t insertions = 0;     ///< Elements only in the hypothesis.
  int64_t deletions = 0;      ///< Elements only in the reference.
  int64_t reference = 0;      ///< Elements of the reference.

  /// All changes.
  int64_t total() const { return substitutions + insertions + deletions; }
  /// Changes for each element of the reference: above 1 if the hypothesis is much longer. Of an empty reference 0 if
  /// nothing was inserted, and else infinite.
  double rate() const;
  /// Sums, for the rate of many texts.
  Edits& operator+=(const Edits& other);
};

/// The changes from reference to hypothesis, of numbers and of words.
Edits edits(std::span<const int64_t> reference, std::span<const int64_t> hypothesis);
/// As above.
Edits edits(std::span<const std::string_view> reference, std::span<const std::string_view> hypothesis);

/// The changes of words, which stand between white space (ASCII).
Edits word_edits(std::string_view reference, std::string_view hypothesis);
/// The changes of characters: code points of UTF-8; a byte that belongs to none is one of its own.
Edits character_edits(std::string_view reference, std::string_view hypothesis);

/// All changes of words by all words of the references. Throws Error unless there are as many of both.
double word_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses);
/// The same of characters.
double character_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses);

}  // namespace hearth::audio
