#include "audio/recognition/error_rate.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "audio/recognition/text_internal.h"
#include "core/base/error.h"

namespace hearth::audio {
namespace {

// Changes up to some place of both sequences.
struct Path {
  int64_t substitutions = 0, insertions = 0, deletions = 0;
  // Fewest changes, then fewest insertions and deletions.
  auto cost() const { return std::tuple(substitutions + insertions + deletions, insertions + deletions, insertions); }
};

template <class T>
Edits shortest(std::span<const T> reference, std::span<const T> hypothesis) {
  const size_t n = hypothesis.size();
  std::vector<Path> row(n + 1);
  for (size_t j = 0; j <= n; ++j) row[j].insertions = static_cast<int64_t>(j);
  for (size_t i = 0; i < reference.size(); ++i) {
    Path diagonal = row[0];
    ++row[0].deletions;
    for (size_t j = 0; j < n; ++j) {
      Path same = diagonal, left = row[j], up = row[j + 1];
      diagonal = row[j + 1];
      if (reference[i] != hypothesis[j]) ++same.substitutions;
      ++left.insertions;
      ++up.deletions;
      row[j + 1] = std::min({same, left, up}, [](const Path& a, const Path& b) { return a.cost() < b.cost(); });
    }
  }
  const Path& p = row[n];
  return {p.substitutions, p.insertions, p.deletions, static_cast<int64_t>(reference.size())};
}

// How many bytes a character has that begins with `first`.
size_t length_of(unsigned char first) {
  return first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
}

// Whether the second byte makes neither a longer form of a shorter character, nor a surrogate, nor what is beyond
// Unicode.
bool goes_on(unsigned char first, unsigned char second) {
  return first == 0xE0   ? second >= 0xA0
         : first == 0xED ? second < 0xA0
         : first == 0xF0 ? second >= 0x90
                         : first != 0xF4 || second < 0x90;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t at = 0; at < text.size();) {
    size_t n = length_of(static_cast<unsigned char>(text[at]));
    for (size_t i = 1; i < n; ++i) {
      if (at + i >= text.size() || (static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) n = 1;
    }
    if (n > 2 && !goes_on(static_cast<unsigned char>(text[at]), static_cast<unsigned char>(text[at + 1]))) n = 1;
    characters.push_back(text.substr(at, n));
    at += n;
  }
  return characters;
}

template <class F>
double rate_of_all(const char* op, std::span<const std::string> references, std::span<const std::string> hypotheses,
                   F edits_of) {
  HEARTH_CHECK(references.size() == hypotheses.size(), op, ": there are ", references.size(), " references, but ",
               hypotheses.size(), " hypotheses");
  Edits all;
  for (size_t i = 0; i < references.size(); ++i) all += edits_of(references[i], hypotheses[i]);
  return all.rate();
}

}  // namespace

double Edits::rate() const {
  if (reference == 0) return total() == 0 ? 0 : std::numeric_limits<double>::infinity();
  return static_cast<double>(total()) / static_cast<double>(reference);
}

Edits& Edits::operator+=(const Edits& other) {
  substitutions += other.substitutions;
  insertions += other.insertions;
  deletions += other.deletions;
  reference += other.reference;
  return *this;
}

Edits edits(std::span<const int64_t> reference, std::span<const int64_t> hypothesis) {
  return shortest(reference, hypothesis);
}
Edits edits(std::span<const std::string_view> reference, std::span<const std::string_view> hypothesis) {
  return shortest(reference, hypothesis);
}
Edits word_edits(std::string_view reference, std::string_view hypothesis) {
  return edits(detail::words_of(reference), detail::words_of(hypothesis));
}
Edits character_edits(std::string_view reference, std::string_view hypothesis) {
  return edits(characters_of(reference), characters_of(hypothesis));
}

double word_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses) {
  return rate_of_all("word_error_rate", references, hypotheses, word_edits);
}
double character_error_rate(std::span<const std::string> references, std::span<const std::string> hypotheses) {
  return rate_of_all("character_error_rate", references, hypotheses, character_edits);
}

}  // namespace hearth::audio
