// Small, 64-byte aligned blocks from per-thread free lists: tensors, nodes and small buffers are made and dropped at
// every op.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEARTH_SLABS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HEARTH_SLABS 0
#endif
#endif
#ifndef HEARTH_SLABS
/// 1 if blocks come from free lists; 0 under a sanitizer, where each is allocated by itself so that errors are seen.
#define HEARTH_SLABS 1
#endif

namespace hearth::slab {

/// The alignment of all blocks, in bytes.
constexpr size_t kAlignment = 64;
/// The size of the largest block, in bytes.
constexpr size_t kMaxBytes = 2048;

/// The size class of a block of so many bytes, at most kMaxBytes. Classes are multiples of 64 bytes up to 512, then of
/// 256 up to 2048.
constexpr int class_of(size_t bytes) {
  return bytes <= 64 ? 0 : bytes <= 512 ? static_cast<int>((bytes - 1) / 64) : static_cast<int>(6 + (bytes - 1) / 256);
}
/// The bytes of a block of a size class.
constexpr size_t class_bytes(int c) {
  return c < 8 ? 64 * (static_cast<size_t>(c) + 1) : 256 * (static_cast<size_t>(c) - 5);
}
/// The number of size classes.
constexpr int kClasses = class_of(kMaxBytes) + 1;

namespace detail {
struct Block {
  Block* next;
};
constexpr uint8_t kKeep = 64;
// Trivially destructible on purpose: blocks may be freed by destructors that run after this thread's own.
struct ThreadCache {
  Block* head[kClasses];
  uint8_t count[kClasses];
  // Blocks kept of each class: none before the thread's first call that comes to refill() or spill(), which sees to it
  // that they are handed on when the thread ends; then kKeep; none again after that.
  uint8_t keep;
  bool closed;  // the thread has ended
};
extern constinit thread_local ThreadCache cache;

void* refill(int c);
void spill(int c, Block* block);
}  // namespace detail

/// Bytes taken from the system so far. They are never given back, but used again: a figure that keeps growing shows
/// blocks that were lost. 0 where a sanitizer does the allocating.
size_t reserved_bytes();

/// A block of at least `bytes` bytes, uninitialised. Requires bytes <= kMaxBytes. Throws Error(kOutOfMemory) if the
/// system refuses memory; std::bad_alloc where a sanitizer does the allocating.
inline void* allocate(size_t bytes) {
#if HEARTH_SLABS
  const int c = class_of(bytes);
  auto& cache = detail::cache;
  if (detail::Block* b = cache.head[c]) {
    cache.head[c] = b->next;
    --cache.count[c];
    return b;
  }
  return detail::refill(c);
#else
  return ::operator new (class_bytes(class_of(bytes)), std::align_val_t{kAlignment});
#endif
}

/// Frees a block; `bytes` is what allocate() was given. Any thread may free it.
inline void deallocate(void* p, size_t bytes) {
#if HEARTH_SLABS
  const int c = class_of(bytes);
  auto& cache = detail::cache;
  auto* b = static_cast<detail::Block*>(p);
  if (cache.count[c] < cache.keep) {
    b->next = cache.head[c];
    cache.head[c] = b;
    ++cache.count[c];
    return;
  }
  detail::spill(c, b);
#else
  ::operator delete (p, std::align_val_t{kAlignment});
#endif
}

/// Constructs T(a...) in a block. Throws as allocate(), and what the constructor throws.
template <class T, class... A>
T* make(A&&... a) {
  static_assert(sizeof(T) <= kMaxBytes && alignof(T) <= kAlignment);
  void* p = allocate(sizeof(T));
  try {
    return new (p) T(std::forward<A>(a)...);
  } catch (...) {
    deallocate(p, sizeof(T));
    throw;
  }
}

/// Destroys an object that make() gave and frees its block.
template <class T>
void destroy(T* p) {
  p->~T();
  deallocate(p, sizeof(T));
}

}  // namespace hearth::slab
