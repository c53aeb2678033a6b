// Vocabulary: tokens and their ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

namespace hearth::text {

// A fast hash of a few bytes (not of an attacker's many equal ones: tables that use it compare the bytes too, and bound
// their probes).
uint64_t hash_bytes(std::string_view bytes);

// Tokens and ids, both ways. Ids may have gaps. Const calls may be concurrent.
class Vocabulary {
 public:
  Vocabulary() = default;
  // kInvalidArgument for an id that two tokens have, an id outside of [0, 2^31), or a token that stands twice.
  static absl::StatusOr<Vocabulary> create(std::vector<std::pair<std::string, int64_t>> tokens);
  // Token i has id i; of equal tokens the last one is found.
  static Vocabulary from_list(std::vector<std::string> tokens);

  size_t size() const { return tokens_.size(); }
  std::optional<uint32_t> find(std::string_view token) const {
    if (slots_.empty()) return std::nullopt;
    const uint64_t hash = hash_bytes(token);
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.index == kEmpty) return std::nullopt;
      if (slot.hash == static_cast<uint32_t>(hash >> 32) && tokens_[slot.index].first == token)
        return tokens_[slot.index].second;
    }
  }
  // The token, or null.
  const std::string* token(uint32_t id) const {
    if (id < dense_.size()) return dense_[id] == kEmpty ? nullptr : &tokens_[dense_[id]].first;
    if (sparse_.empty()) return nullptr;
    const auto it = sparse_.find(id);
    return it == sparse_.end() ? nullptr : &tokens_[it->second].first;
  }
  // All, ascending by id.
  const std::vector<std::pair<std::string, uint32_t>>& tokens() const { return tokens_; }

 private:
  static constexpr uint32_t kEmpty = 0xFFFFFFFF;
  struct Slot {
    uint32_t hash;
    uint32_t index;
  };
  void insert(uint32_t index);
  void index_all();

  std::vector<std::pair<std::string, uint32_t>> tokens_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  std::vector<uint32_t> dense_;                     // id -> index, where ids are close together
  absl::flat_hash_map<uint32_t, uint32_t> sparse_;  // the others
};

}  // namespace hearth::text
