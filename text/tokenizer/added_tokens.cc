#include "text/tokenizer/added_tokens.h"

#include <algorithm>

#include "core/base/error.h"
#include "text/tokenizer/components_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

bool ends_with_word(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && is_continuation(text[at])) --at;
  const char* p = text.data() + at;
  return is_word(next_char(p));
}

bool starts_with_word(std::string_view text) {
  const char* p = text.data();
  return is_word(next_char(p));
}

size_t spaces_at_start(std::string_view text) {
  const char* p = text.data();
  while (p < text.data() + text.size()) {
    const char* const before = p;
    if (!is_white_space(next_char(p))) return static_cast<size_t>(before - text.data());
  }
  return text.size();
}

size_t without_spaces_at_end(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t at = end - 1;
    while (at > 0 && is_continuation(text[at])) --at;
    const char* p = text.data() + at;
    if (!is_white_space(next_char(p))) break;
    end = at;
  }
  return end;
}

}  // namespace

const AddedToken* AddedTokens::token(uint32_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second;
}

std::optional<uint32_t> AddedTokens::id(std::string_view token) const {
  const auto it = ids_.find(token);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

const std::string* AddedTokens::shown(uint32_t id) const {
  const auto it = shown_.find(id);
  return it == shown_.end() ? nullptr : &it->second;
}

absl::Status AddedTokens::add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizer* normalizer) {
  const size_t size = model.vocabulary().size();
  uint64_t highest = 0;
  for (const auto& [content, id] : ids_) highest = std::max<uint64_t>(highest, id);
  for (const AddedToken& token : tokens) {
    if (token.content.size() > kLongest) {
      return absl::InvalidArgumentError(
          concat("added token: ", token.content.size(), " bytes are more than the limit of ", kLongest));
    }
    if (find_invalid_utf8(token.content) != std::string_view::npos) {
      return absl::InvalidArgumentError("added token: not valid UTF-8");
    }
    if (token.content.empty()) continue;
    // Of two that look alike once they are normalised, the first in this order counts.
    if (token.special && special_.insert(token.content).second) {
      order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(special_count_++), token.content);
    }
    std::optional<uint32_t> id = this->id(token.content);
    if (id && by_id_.at(*id) == token) continue;
    if (!id) id = model.vocabulary().find(token.content);
    if (!id) {
      const uint64_t next = !ids_.empty() && (highest >= size || size == 0) ? highest + 1 : size;
      if (next > 0x7FFFFFFF) return absl::InvalidArgumentError("added token: no id is left");
      id = static_cast<uint32_t>(next);
    }
    highest = std::max<uint64_t>(highest, *id);
    ids_[token.content] = *id;
    by_id_[*id] = token;
    if (!special_.contains(token.content)) order_.push_back(token.content);
  }
  raw_ = {};
  normalized_ = {};
  for (const std::string& content : order_) {
    const uint32_t id = ids_.find(content)->second;
    const AddedToken& token = by_id_.at(id);
    if (!token.normalized) {
      raw_.add(token.content, id);
      shown_[id] = token.content;
      continue;
    }
    Pieces pieces(token.content);
    if (normalizer) {
      if (absl::Status status = normalizer->normalize(pieces); !status.ok()) return status;
    }
    for (const Piece& piece : pieces.pieces()) {
      normalized_.add(pieces.text(piece), id);
      shown_[id] = pieces.text(piece);
    }
  }
  raw_.build();
  normalized_.build();
  return absl::OkStatus();
}

void AddedTokens::find(Pieces& pieces, bool normalized, bool encode_special_tokens) const {
  const StringSet& set = normalized ? normalized_ : raw_;
  if (set.empty()) {
    // As if nothing had been found: empty pieces go, and each knows where it begins now.
    pieces.split([](std::string_view text, auto emit) {
      emit(0, text.size());
      return true;
    });
    return;
  }
  pieces.split([&](std::string_view text, auto emit) {
    size_t done = 0;
    StringSet::Found found{0, 0, 0};
    for (size_t at = 0; set.find(text, at, found);) {
      auto [begin, end, id] = found;
      at = end;
      const AddedToken& token = by_id_.at(id);
      if (encode_special_tokens && token.special) continue;
      if (token.single_word && ((begin > 0 && ends_with_word(text.substr(0, begin))) ||
                                (end < text.size() && starts_with_word(text.substr(end))))) {
        continue;
      }
      if (token.lstrip) begin = begin > done ? done + without_spaces_at_end(text.substr(done, begin - done)) : done;
      if (token.rstrip) end += spaces_at_start(text.substr(end));
      if (done < begin) emit(done, begin);
      emit(begin, end, static_cast<int32_t>(id));
      done = end;
    }
    if (done != text.size()) emit(done, text.size());
    return true;
  });
}

}  // namespace hearth::text
