#include "text/tokenizer/word_piece.h"

#include "core/base/error.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

absl::Status no_unknown(std::string_view model, std::string_view token) {
  return absl::InvalidArgumentError(
      concat(model, ": the unknown token \"", token, "\" is needed and not in the vocabulary"));
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, WordPieceOptions options)
    : Model(std::move(vocabulary)), options_(std::move(options)) {
  for (const auto& [token, id] : this->vocabulary().tokens()) tokens_.add(token, id);
  tokens_.build();
  prefix_ = StringSet::kRoot;
  for (const char c : options_.continuing_subword_prefix) {
    prefix_ = tokens_.child(*prefix_, static_cast<unsigned char>(c));
    if (*prefix_ != StringSet::kRoot) continue;
    prefix_.reset();
    break;
  }
}

std::pair<uint32_t, size_t> WordPiece::longest(std::string_view text, uint32_t node) const {
  std::pair<uint32_t, size_t> best{0, 0};
  for (size_t i = 0; i < text.size(); ++i) {
    node = tokens_.child(node, static_cast<unsigned char>(text[i]));
    if (node == StringSet::kRoot) break;
    if (tokens_.id(node) != StringSet::kNone) best = {tokens_.id(node), i + 1};
  }
  return best;
}

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
  for (size_t begin = 0; begin < word.size();) {
    std::pair<uint32_t, size_t> best{0, 0};
    if (begin == 0) {
      best = longest(word, StringSet::kRoot);
    } else if (prefix_) {
      best = longest(word.substr(begin), *prefix_);
    }
    if (best.second == 0) {
      out.resize(before);
      return unknown();
    }
    const size_t end = begin + best.second;
    out.push_back({best.first, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
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
