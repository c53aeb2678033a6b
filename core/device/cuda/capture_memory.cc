#include "core/device/cuda/capture_memory.h"

#include <utility>

#include "core/device/cuda/runtime.h"
#include "core/device/cuda_hooks.h"

namespace hearth::cuda {
namespace {

thread_local std::shared_ptr<CaptureMemory> of_thread;

// Blocks are not divided: a small need does not take a large block.
bool wasteful(size_t block, size_t need) { return block > need + need / 2 + 4096; }

}  // namespace

CaptureMemory::~CaptureMemory() {
  const Uncaptured uncaptured;
  // An error here has no caller; CUDA gives it again to the next call. cudaFree waits for the device.
  for (const auto& [p, bytes] : all_) cudaFree(p);
}

std::shared_ptr<CaptureMemory> CaptureMemory::of_this_thread(int device) {
  return of_thread && of_thread->device_ == device ? of_thread : nullptr;
}

CaptureMemory::Scope::Scope(std::shared_ptr<CaptureMemory> memory) { of_thread = std::move(memory); }
CaptureMemory::Scope::~Scope() { of_thread = nullptr; }

cudaError_t CaptureMemory::take(void** p, size_t bytes) {
  {
    const MutexLock lock(mutex_);
    if (const auto found = free_.lower_bound(bytes); found != free_.end() && !wasteful(found->first, bytes)) {
      *p = found->second;
      free_.erase(found);
      return cudaSuccess;
    }
  }
  return take_new(p, bytes);
}

cudaError_t CaptureMemory::take_new(void** p, size_t bytes) {
  const Uncaptured uncaptured;
  const cudaError_t e = cudaMalloc(p, bytes);
  const MutexLock lock(mutex_);
  if (e == cudaSuccess) all_[*p] = bytes;
  return e;
}

void CaptureMemory::give_back(void* p) noexcept {
  // Work that is captured later runs after all that has used it so far.
  if (of_thread.get() != this) return;
  const MutexLock lock(mutex_);
  free_.emplace(all_.at(p), p);
}

void CaptureMemory::keep(void* p, size_t bytes, const Stream& stream) {
  const MutexLock lock(mutex_);
  kept_.push_back({p, bytes, stream});
}

void CaptureMemory::drop_kept() noexcept {
  std::vector<Kept> kept;
  {
    const MutexLock lock(mutex_);
    kept = std::exchange(kept_, {});
  }
  for (const Kept& k : kept) allocator(device_).deallocate(k.p, k.bytes, k.stream);
}

}  // namespace hearth::cuda
