// Tokens that were added to a model's vocabulary: found in the text before the model sees it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "text/tokenizer/added_token.h"
#include "text/tokenizer/model.h"
#include "text/tokenizer/pieces.h"
#include "text/tokenizer/string_set.h"

namespace hearth::text {

class Normalizer;

class AddedTokens {
 public:
  static constexpr size_t kLongest = 1024;

  // Adds tokens in order. One that the vocabulary has keeps its id, others get the next free ones.
  absl::Status add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizer* normalizer);
  // Finds tokens in pieces: those that are looked for before the text is normalised, or after.
  void find(Pieces& pieces, bool normalized, bool encode_special_tokens) const;

  const std::map<uint32_t, AddedToken>& by_id() const { return by_id_; }
  const AddedToken* token(uint32_t id) const;
  // The token as decode() writes it: normalised, if it is one that is looked for in normalised text; or null.
  const std::string* shown(uint32_t id) const;
  std::optional<uint32_t> id(std::string_view token) const;
  // Whether a token with this text is special; another id of the vocabulary may have the same text.
  bool is_special(std::string_view text) const { return special_.find(text) != special_.end(); }

 private:
  std::map<uint32_t, AddedToken> by_id_;
  std::map<std::string, uint32_t, std::less<>> ids_;
  std::map<uint32_t, std::string> shown_;
  std::set<std::string, std::less<>> special_;
  std::vector<std::string> order_;  // as they were added, the special ones first
  size_t special_count_ = 0;
  StringSet raw_, normalized_;
};

}  // namespace hearth::text
