// CPU memory that GPUs read and write by themselves. Pinning costs a system call for each page, so that what is freed
// is kept for reuse.
#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_hooks.h"

namespace hearth::cuda {
namespace {

class PinnedAllocator final : public Allocator {
 public:
  void* allocate(size_t bytes, const Stream&) override {
    if (bytes == 0) return nullptr;
    const size_t size = size_class(bytes);
    const MutexLock lock(mutex_);
    const Uncaptured uncaptured;
    std::deque<Block>& free = free_[size];
    for (auto it = free.begin(); it != free.end(); ++it) {
      if (!done(*it)) continue;
      void* const p = it->p;
      free.erase(it);
      return p;
    }
    void* p = nullptr;
    const cudaError_t e = cudaMallocHost(&p, size);
    if (e == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail(ErrorKind::kOutOfMemory, "out of memory: cannot allocate ", bytes, " bytes of pinned memory");
    }
    check(e, "pinned memory");
    return p;
  }

  void deallocate(void* p, size_t bytes, const Stream&) noexcept override {
    if (!p) return;
    const MutexLock lock(mutex_);
    Block block{p, {}};
    if (const auto it = users_.find(p); it != users_.end()) {
      block.users = std::move(it->second);
      users_.erase(it);
    }
    free_[size_class(bytes)].push_back(std::move(block));
  }

  void record_stream(void* p, const Stream& user) override {
    if (!p) return;
    stream(user.device.index);
    auto e = std::make_unique<Event>();
    check(cudaEventRecord(e->get(), static_cast<cudaStream_t>(user.handle)), "event");
    const MutexLock lock(mutex_);
    users_[p].push_back(std::move(e));
  }

 private:
  using Users = std::vector<std::unique_ptr<Event>>;
  struct Block {
    void* p;
    Users users;  // copies that may not be done yet
  };

  static size_t size_class(size_t bytes) { return std::bit_ceil(std::max<size_t>(bytes, 512)); }
  static bool done(Block& b) {
    std::erase_if(b.users, [](const std::unique_ptr<Event>& e) {
      const cudaError_t state = cudaEventQuery(e->get());
      if (state == cudaErrorNotReady) return false;
      check(state, "copy");
      return true;
    });
    return b.users.empty();
  }

  Mutex mutex_;
  std::map<size_t, std::deque<Block>> free_ ABSL_GUARDED_BY(mutex_);  // by size class, the oldest first
  std::unordered_map<void*, Users> users_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Allocator& pinned_allocator() {
  static PinnedAllocator& allocator = *new PinnedAllocator;  // never destroyed: storages refer to it
  return allocator;
}

}  // namespace hearth::cuda
