#include "text/tokenizer/word_cache.h"

#include <cstring>
#include <new>

namespace hearth::text {

// Its tokens and the word's bytes follow it.
struct WordCache::Entry {
  uint64_t hash;
  uint32_t length;
  uint32_t count;

  const ModelToken* tokens() const { return reinterpret_cast<const ModelToken*>(this + 1); }
  const char* word() const { return reinterpret_cast<const char*>(tokens() + count); }
};

WordCache::~WordCache() { delete[] slots_.load(std::memory_order_relaxed); }

bool WordCache::find(std::string_view word, uint64_t hash, std::vector<ModelToken>& out) const {
  const Slot* const slots = slots_.load(std::memory_order_acquire);
  if (!slots) return false;
  for (size_t i = 0; i < kProbes; ++i) {
    const Entry* const entry = slots[(hash + i) & (kSlots - 1)].load(std::memory_order_acquire);
    if (!entry) return false;
    if (entry->hash == hash && entry->length == word.size() &&
        std::memcmp(entry->word(), word.data(), word.size()) == 0) {
      out.insert(out.end(), entry->tokens(), entry->tokens() + entry->count);
      return true;
    }
  }
  return false;
}

void WordCache::insert(std::string_view word, uint64_t hash, std::span<const ModelToken> tokens) {
  if (full_.load(std::memory_order_relaxed)) return;
  const MutexLock lock(mutex_);
  Slot* slots = slots_.load(std::memory_order_relaxed);
  if (!slots) {
    slots = new (std::nothrow) Slot[kSlots]();
    if (!slots) return;
    slots_.store(slots, std::memory_order_release);
  }
  Slot* free = nullptr;
  for (size_t i = 0; i < kProbes && !free; ++i) {
    Slot& slot = slots[(hash + i) & (kSlots - 1)];
    const Entry* const entry = slot.load(std::memory_order_relaxed);
    if (!entry) {
      free = &slot;
    } else if (entry->hash == hash && entry->length == word.size() &&
               std::memcmp(entry->word(), word.data(), word.size()) == 0) {
      return;  // Another thread was faster.
    }
  }
  if (!free) return;
  const size_t size =
      (sizeof(Entry) + tokens.size_bytes() + word.size() + alignof(Entry) - 1) / alignof(Entry) * alignof(Entry);
  if (size > kBlock) return;
  if (used_ + size > kBlock) {
    if ((blocks_.size() + 1) * kBlock > kMaxBytes) {
      full_.store(true, std::memory_order_relaxed);
      return;
    }
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kBlock));
    used_ = 0;
  }
  std::byte* const at = blocks_.back().get() + used_;
  used_ += size;
  auto* const entry = new (at) Entry{hash, static_cast<uint32_t>(word.size()), static_cast<uint32_t>(tokens.size())};
  std::byte* const after = at + sizeof(Entry);
  if (!tokens.empty()) std::memcpy(after, tokens.data(), tokens.size_bytes());
  std::memcpy(after + tokens.size_bytes(), word.data(), word.size());
  free->store(entry, std::memory_order_release);
  if (++entries_ >= kMaxEntries) full_.store(true, std::memory_order_relaxed);
}

}  // namespace hearth::text
