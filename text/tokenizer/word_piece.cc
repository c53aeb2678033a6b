#include "text/tokenizer/word_piece.h"

#include <algorithm>

#include "core/base/error.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

absl::Status no_unknown(std::string_view model, std::string_view token) {
  return absl::InvalidArgumentError(
      concat(model, ": the unknown token \"", token, "\" is needed and not in the vocabulary"));
}

}  // namespace

absl::Status WordPiece::tokenize_word(std::string_view word, Random& /*random*/, std::vector<ModelToken>& out) const {
  return cached(word, out, [&](std::vector<ModelToken>& to) { return pieces(word, to); });
}

absl::Status WordPiece::pieces(std::string_view word, std::vector<ModelToken>& out) const {
  const auto unknown = [&] {
    const auto id = vocabulary().find(options_.unk_token);
    if (!id) return no_unknown("WordPiece", options_.unk_token);
    out.push_back({*id, 0, static_cast<uint32_t>(word.size())});
    return absl::OkStatus();
  };
  if (word.size() > options_.max_input_chars_per_word && count_chars(word) > options_.max_input_chars_per_word)
    return unknown();
  const size_t before = out.size();
  std::string prefixed = options_.continuing_subword_prefix;
  const size_t prefix = prefixed.size();
  for (size_t begin = 0; begin < word.size();) {
    // Nothing longer than the longest token is looked up.
    const size_t room = vocabulary().longest() - std::min(vocabulary().longest(), begin > 0 ? prefix : 0);
    size_t end = std::min(word.size(), begin + room);
    while (end < word.size() && end > begin && is_continuation(word[end])) --end;
    std::string_view candidate = word.substr(begin, end - begin);
    if (begin > 0) {
      prefixed.resize(prefix);
      prefixed += candidate;
      candidate = prefixed;
    }
    const size_t least = begin > 0 ? prefix : 0;
    std::optional<uint32_t> id;
    while (candidate.size() > least && !(id = vocabulary().find(candidate))) {
      do candidate.remove_suffix(1);
      while (candidate.size() > least && is_continuation(candidate.data()[candidate.size()]));
    }
    if (!id) {
      out.resize(before);
      return unknown();
    }
    end = begin + candidate.size() - least;
    out.push_back({*id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status WordLevel::tokenize_word(std::string_view word, Random& /*random*/, std::vector<ModelToken>& out) const {
  auto id = vocabulary().find(word);
  if (!id) id = vocabulary().find(unk_token_);
  if (!id) return no_unknown("WordLevel", unk_token_);
  out.push_back({*id, 0, static_cast<uint32_t>(word.size())});
  return absl::OkStatus();
}

}  // namespace hearth::text
