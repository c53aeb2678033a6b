#include "text/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/error.h"

namespace hearth::text {

uint64_t hash_bytes(std::string_view bytes) {
  // A wide multiplication mixes 8 bytes at a time, as in wyhash.
  constexpr uint64_t kA = 0x9E3779B97F4A7C15, kB = 0xD6E8FEB86659FD93;
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t hash = kA ^ n;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word = 0;
    std::memcpy(&word, p, 8);
    hash = mix(hash ^ word, kB);
  }
  uint64_t word = 0;
  if (n > 0) std::memcpy(&word, p, n);
  return mix(hash ^ word, kB ^ (hash >> 3));
}

// Of equal tokens the last one stays.
void Vocabulary::insert(uint32_t index) {
  const std::string& token = tokens_[index].first;
  const uint64_t hash = hash_bytes(token);
  for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
    Slot& slot = slots_[i];
    if (slot.index == kEmpty) {
      slot = {static_cast<uint32_t>(hash >> 32), index};
      return;
    }
    if (slot.hash == static_cast<uint32_t>(hash >> 32) && tokens_[slot.index].first == token) {
      slot.index = index;
      return;
    }
  }
}

void Vocabulary::index_all() {
  const size_t capacity = std::bit_ceil(std::max<size_t>(16, tokens_.size() * 2));
  slots_.assign(capacity, {0, kEmpty});
  mask_ = capacity - 1;
  for (uint32_t i = 0; i < tokens_.size(); ++i) insert(i);
  const size_t dense = tokens_.size() * 2 + 1024;
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    const uint32_t id = tokens_[i].second;
    if (id < dense) {
      if (id >= dense_.size()) dense_.resize(id + 1, kEmpty);
      dense_[id] = i;
    } else {
      sparse_[id] = i;
    }
  }
}

absl::StatusOr<Vocabulary> Vocabulary::create(std::vector<std::pair<std::string, int64_t>> tokens) {
  Vocabulary v;
  std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  v.tokens_.reserve(tokens.size());
  for (auto& [token, id] : tokens) {
    if (id < 0 || id > 0x7FFFFFFF) {
      return absl::InvalidArgumentError(concat("vocabulary: the id ", id, " of \"", token, "\" is not in [0, 2^31)"));
    }
    if (!v.tokens_.empty() && v.tokens_.back().second == id) {
      return absl::InvalidArgumentError(
          concat("vocabulary: \"", v.tokens_.back().first, "\" and \"", token, "\" both have id ", id));
    }
    v.tokens_.emplace_back(std::move(token), static_cast<uint32_t>(id));
  }
  v.index_all();
  for (uint32_t i = 0; i < v.tokens_.size(); ++i) {
    if (v.find(v.tokens_[i].first) != v.tokens_[i].second) {
      return absl::InvalidArgumentError(concat("vocabulary: \"", v.tokens_[i].first, "\" stands twice"));
    }
  }
  return v;
}

Vocabulary Vocabulary::from_list(std::vector<std::string> tokens) {
  Vocabulary v;
  v.tokens_.reserve(tokens.size());
  for (uint32_t i = 0; i < tokens.size(); ++i) v.tokens_.emplace_back(std::move(tokens[i]), i);
  v.index_all();
  return v;
}

}  // namespace hearth::text
