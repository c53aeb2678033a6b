// WordCache: words and their tokens, found without a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"

namespace hearth::text {

// A token of a word: bytes [begin, end) of it.
struct ModelToken {
  uint32_t id;
  uint32_t begin;
  uint32_t end;
};

// Thread-safe. Entries are never changed or dropped, so readers need no lock; when it is full, nothing more is kept.
// The words that are frequent come early.
class WordCache {
 public:
  static constexpr size_t kLongest = 96;

  WordCache() = default;
  ~WordCache();
  WordCache(const WordCache&) = delete;
  WordCache& operator=(const WordCache&) = delete;

  // Appends the word's tokens to `out` if it is there.
  bool find(std::string_view word, uint64_t hash, std::vector<ModelToken>& out) const;
  void insert(std::string_view word, uint64_t hash, std::span<const ModelToken> tokens);

 private:
  struct Entry;
  using Slot = std::atomic<const Entry*>;
  static constexpr size_t kSlots = size_t{1} << 17;
  static constexpr size_t kMaxEntries = kSlots / 2;
  static constexpr size_t kMaxBytes = size_t{16} << 20;
  static constexpr size_t kProbes = 8;
  static constexpr size_t kBlock = size_t{256} << 10;

  std::atomic<Slot*> slots_ = nullptr;
  Mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_ ABSL_GUARDED_BY(mutex_);
  size_t used_ ABSL_GUARDED_BY(mutex_) = kBlock;  // of the last block
  size_t entries_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> full_ = false;
};

}  // namespace hearth::text
