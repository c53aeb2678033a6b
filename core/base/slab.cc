#include "core/base/slab.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/mutex.h"

namespace hearth::slab::detail {

constinit thread_local ThreadCache cache{};

namespace {

constexpr int kBatch = 32;
constexpr size_t kChunkBytes = 64 * 1024;

struct Depot {
  Mutex mutex;
  Block* head[kClasses] ABSL_GUARDED_BY(mutex) = {};
  size_t chunks ABSL_GUARDED_BY(mutex) = 0;
};
constinit Depot depot;

// Hands a thread's blocks to the depot when the thread ends, so that they are not lost with it.
struct AtThreadExit {
  bool armed = false;
  ~AtThreadExit() {
    if (!armed) return;
    cache.closed = true;
    cache.keep = 0;
    const MutexLock lock(depot.mutex);
    for (int c = 0; c < kClasses; ++c) {
      while (Block* b = cache.head[c]) {
        cache.head[c] = b->next;
        b->next = depot.head[c];
        depot.head[c] = b;
      }
      cache.count[c] = 0;
    }
  }
};
thread_local AtThreadExit at_thread_exit;

// From here on the thread keeps blocks, also one that only ever frees what others made.
void open_cache() {
  at_thread_exit.armed = true;
  cache.keep = kKeep;
}

}  // namespace

void* refill(int c) {
  if (cache.keep == 0 && !cache.closed) open_cache();
  const size_t bytes = class_bytes(c);
  const int want = cache.closed ? 1 : kBatch;
  Block* first = nullptr;
  {
    const MutexLock lock(depot.mutex);
    if (!depot.head[c]) {
      char* chunk = static_cast<char*>(std::aligned_alloc(kAlignment, kChunkBytes));
      if (!chunk) fail(ErrorKind::kOutOfMemory, "out of memory: cannot allocate ", kChunkBytes, " bytes");
      ++depot.chunks;
      for (size_t at = 0; at + bytes <= kChunkBytes; at += bytes) {
        auto* b = reinterpret_cast<Block*>(chunk + at);
        b->next = depot.head[c];
        depot.head[c] = b;
      }
    }
    first = depot.head[c];
    depot.head[c] = first->next;
    for (int i = 1; i < want && depot.head[c]; ++i) {
      Block* b = depot.head[c];
      depot.head[c] = b->next;
      b->next = cache.head[c];
      cache.head[c] = b;
      ++cache.count[c];
    }
  }
  return first;
}

void spill(int c, Block* block) {
  if (cache.keep == 0 && !cache.closed) {
    open_cache();
    block->next = cache.head[c];
    cache.head[c] = block;
    ++cache.count[c];
    return;
  }
  const MutexLock lock(depot.mutex);
  block->next = depot.head[c];
  depot.head[c] = block;
  for (int i = 1; i < kBatch && cache.head[c]; ++i) {
    Block* b = cache.head[c];
    cache.head[c] = b->next;
    --cache.count[c];
    b->next = depot.head[c];
    depot.head[c] = b;
  }
}

}  // namespace hearth::slab::detail

size_t hearth::slab::reserved_bytes() {
  const MutexLock lock(detail::depot.mutex);
  return detail::depot.chunks * detail::kChunkBytes;
}
