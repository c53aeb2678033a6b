// A cache of size classes over aligned memory: fresh pages cost more than most kernels that write them.
#include "core/device/allocator.h"
#include "core/base/mutex.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <new>
#include <utility>

#include "core/base/error.h"
#include "core/base/slab.h"
#include "core/device/cuda_hooks.h"

namespace hearth {
namespace {

constexpr size_t kSmall = 1024;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kMaxBytes = size_t{1} << 46;
constexpr int kBins = 4 * 47;

// Four classes per doubling: at most a quarter of a block is unused, and unused pages are never touched.
[[maybe_unused]] int bin_of(size_t bytes) {
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log+1)
  const size_t quarter = size_t{1} << (log - 2);
  return 4 * log + static_cast<int>((bytes - 1 - (size_t{1} << log)) / quarter);
}
// 5, 6, 7 or 8 quarters of 2^log.
size_t bin_bytes(int bin) { return ((static_cast<size_t>(bin % 4) + 5) << (bin / 4)) / 4; }

size_t physical_memory() {
  size_t bytes = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  size_t limit = 0;
  if (std::ifstream group("/sys/fs/cgroup/memory.max"); group >> limit) bytes = std::min(bytes, limit);
  return bytes;
}

struct Free {
  Free* next;
};

class CpuAllocator final : public Allocator {
 public:
  void* allocate(size_t bytes, const Stream&) override {
    if (bytes == 0) return nullptr;
    if (bytes <= kSmall) return slab::allocate(bytes);
    if (bytes > kMaxBytes) refuse(bytes);
#if HEARTH_SLABS
    const int bin = bin_of(bytes);
    const size_t size = bin_bytes(bin);
    {
      const MutexLock lock(mutex_);
      note_use(size);
      if (Free* f = bins_[bin]) {
        bins_[bin] = f->next;
        stats_.cached -= size;
        return f;
      }
    }
    void* p = in_use_fits() ? from_system(size) : nullptr;
    if (!p) {
      trim();
      p = in_use_fits() ? from_system(size) : nullptr;
    }
    if (!p) {
      {
        const MutexLock lock(mutex_);
        stats_.in_use -= size;
      }
      refuse(bytes);
    }
    return p;
#else
    const size_t size = (bytes + 63) / 64 * 64;
    void* p = size <= physical_ ? std::aligned_alloc(64, size) : nullptr;
    if (!p) refuse(bytes);
    const MutexLock lock(mutex_);
    note_use(size);
    return p;
#endif
  }

  void deallocate(void* p, size_t bytes, const Stream&) noexcept override {
    if (!p) return;
    if (bytes <= kSmall) return slab::deallocate(p, bytes);
#if HEARTH_SLABS
    const int bin = bin_of(bytes);
    const size_t size = bin_bytes(bin);
    {
      const MutexLock lock(mutex_);
      stats_.in_use -= size;
      if (stats_.cached + size <= physical_ / 4) {
        bins_[bin] = new (p) Free{bins_[bin]};
        stats_.cached += size;
        return;
      }
    }
    to_system(p, size);
#else
    std::free(p);
    const MutexLock lock(mutex_);
    stats_.in_use -= (bytes + 63) / 64 * 64;
#endif
  }

  memory::Stats stats() override {
    const MutexLock lock(mutex_);
    return stats_;
  }

  void reset_peak() override {
    const MutexLock lock(mutex_);
    stats_.peak = stats_.in_use;
  }

  void trim() override {
    for (int bin = 0; bin < kBins; ++bin) {
      Free* f;
      {
        const MutexLock lock(mutex_);
        f = std::exchange(bins_[bin], nullptr);
        for (Free* g = f; g; g = g->next) stats_.cached -= bin_bytes(bin);
      }
      while (f) {
        Free* next = f->next;
        to_system(f, bin_bytes(bin));
        f = next;
      }
    }
  }

 private:
  [[noreturn]] static void refuse(size_t bytes) {
    fail(ErrorKind::kOutOfMemory, "out of memory: cannot allocate ", bytes, " bytes on cpu");
  }
  void note_use(size_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    stats_.in_use += size;
    stats_.peak = std::max(stats_.peak, stats_.in_use);
  }
  // Linux promises memory it does not have; what cannot fit is refused here, where it can still be caught.
  bool in_use_fits() {
    const MutexLock lock(mutex_);
    return stats_.in_use + stats_.cached <= physical_;
  }
  static void* from_system(size_t size) {
    if (size < kHugePage) return std::aligned_alloc(64, size);
    const size_t padded = size + kHugePage;
    void* raw = mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    const auto at = reinterpret_cast<uintptr_t>(raw);
    const uintptr_t begin = (at + kHugePage - 1) / kHugePage * kHugePage;
    if (begin > at) munmap(raw, begin - at);
    if (at + padded > begin + size) munmap(reinterpret_cast<void*>(begin + size), at + padded - begin - size);
    void* p = reinterpret_cast<void*>(begin);
    madvise(p, size, MADV_HUGEPAGE);
    return p;
  }
  static void to_system(void* p, size_t size) noexcept {
    if (size < kHugePage) {
      std::free(p);
    } else {
      munmap(p, size);
    }
  }

  Mutex mutex_;
  Free* bins_[kBins] ABSL_GUARDED_BY(mutex_) = {};
  memory::Stats stats_ ABSL_GUARDED_BY(mutex_);
  const size_t physical_ = physical_memory();
};

// Never destroyed: storages in static variables may outlive it.
CpuAllocator& cpu() {
  static CpuAllocator& allocator = *new CpuAllocator;
  return allocator;
}

class MetaAllocator final : public Allocator {
 public:
  void* allocate(size_t, const Stream&) override { return nullptr; }
  void deallocate(void*, size_t, const Stream&) noexcept override {}
};
constinit MetaAllocator meta;

constinit std::atomic<Allocator*> current{nullptr};  // null until it is first asked for

}  // namespace

Allocator& exchange_cpu_allocator(Allocator& a) {
  Allocator* const before = current.exchange(&a);
  return before ? *before : cpu();
}

Allocator& allocator_for(Device device) {
  if (device.is_cpu()) {
    if (Allocator* a = current.load(std::memory_order_acquire)) return *a;
    Allocator* first = nullptr;
    return current.compare_exchange_strong(first, &cpu()) ? cpu() : *first;
  }
  if (device.is_meta()) return meta;
  if (device.is_cuda() && cuda::allocator) return cuda::allocator(device.index);
  fail(ErrorKind::kUnsupported, "there is no code for device ", device, " in this program: it runs on the CPU only");
}

namespace {
// The cache itself, also while a test has put its own allocator in front of it.
Allocator& cache_of(Device device) { return device.is_cpu() ? cpu() : allocator_for(device); }
}  // namespace

memory::Stats memory::stats(Device device) { return cache_of(device).stats(); }
void memory::reset_peak(Device device) { cache_of(device).reset_peak(); }
void memory::trim(Device device) { cache_of(device).trim(); }

}  // namespace hearth
