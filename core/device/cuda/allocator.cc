// The memory of GPUs: CUDA's own pools, which keep what is freed and order it by streams.
#include <array>
#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/cuda/capture_memory.h"
#include "core/device/cuda/runtime.h"
#include "core/device/cuda_hooks.h"

namespace hearth::cuda {
namespace {

class CudaAllocator final : public Allocator {
 public:
  explicit CudaAllocator(int device) : device_(device) {
    stream(device);
    check(cudaDeviceGetDefaultMemPool(&pool_, device), "memory pool");
    uint64_t all = ~uint64_t{0};  // nothing goes back to the system but by trim()
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all), "memory pool");
  }

  void* allocate(size_t bytes, const Stream& s) override {
    if (bytes == 0) return nullptr;
    stream(device_);
    void* p = nullptr;
    const std::shared_ptr<CaptureMemory> captured = CaptureMemory::of_this_thread(device_);
    cudaError_t e = captured ? captured->take(&p, bytes) : cudaMallocAsync(&p, bytes, handle(s));
    if (e == cudaErrorMemoryAllocation && !captured) {
      // What other streams have freed can be had once they have come to that point.
      cudaGetLastError();
      check(cudaDeviceSynchronize(), "work of the device");
      e = cudaMallocAsync(&p, bytes, handle(s));
    }
    if (e == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      size_t free = 0, total = 0;
      check(cudaMemGetInfo(&free, &total), "memory");
      fail(ErrorKind::kOutOfMemory, "out of memory: cannot allocate ", bytes, " bytes on cuda:", device_, "; ", free,
           " of its ", total, " bytes are free, and tensors hold ", stats().in_use);
    }
    check(e, "allocation");
    const MutexLock lock(mutex_);
    if (captured) captured_[p] = captured;
    in_use_ += bytes;
    if (in_use_ > peak_) peak_ = in_use_;
    return p;
  }

  void deallocate(void* p, size_t bytes, const Stream& s) noexcept override {
    if (!p) return;
    std::vector<cudaEvent_t> users;
    std::shared_ptr<CaptureMemory> captured = CaptureMemory::of_this_thread(device_);
    {
      MutexLock lock(mutex_);
      if (const auto it = captured_.find(p); it != captured_.end()) {
        in_use_ -= bytes;
        captured = std::move(it->second);
        captured_.erase(it);
        lock.unlock();
        captured->give_back(p);
        return;
      }
      if (captured) {  // captured work may read what was made before and is dropped now
        lock.unlock();
        captured->keep(p, bytes, s);
        return;
      }
      in_use_ -= bytes;
      if (const auto it = users_.find(p); it != users_.end()) {
        users = std::move(it->second);
        users_.erase(it);
      }
    }
    // An error here has no caller; CUDA gives it again to the next call.
    for (cudaEvent_t e : users) {
      cudaStreamWaitEvent(handle(s), e, 0);
      cudaEventDestroy(e);
    }
    cudaFreeAsync(p, handle(s));
  }

  void record_stream(void* p, const Stream& user) override {
    if (!p || capturing()) return;  // captured work has what it uses kept
    stream(device_);
    cudaEvent_t e = nullptr;
    check(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), "event");
    check(cudaEventRecord(e, handle(user)), "event");
    const MutexLock lock(mutex_);
    users_[p].push_back(e);
  }

  memory::Stats stats() override {
    uint64_t reserved = 0;
    check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved), "memory pool");
    const MutexLock lock(mutex_);
    return {.in_use = in_use_, .cached = reserved > in_use_ ? reserved - in_use_ : 0, .peak = peak_};
  }
  void reset_peak() override {
    const MutexLock lock(mutex_);
    peak_ = in_use_;
  }
  void trim() override {
    stream(device_);
    check(cudaDeviceSynchronize(), "work of the device");
    check(cudaMemPoolTrimTo(pool_, 0), "memory pool");
  }

 private:
  static cudaStream_t handle(const Stream& s) { return static_cast<cudaStream_t>(s.handle); }

  const int device_;
  cudaMemPool_t pool_ = nullptr;
  Mutex mutex_;
  uint64_t in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t peak_ ABSL_GUARDED_BY(mutex_) = 0;
  // What record_stream() was told: the memory's owner waits for these before it is given out again.
  std::unordered_map<void*, std::vector<cudaEvent_t>> users_ ABSL_GUARDED_BY(mutex_);
  // Memory of tensors that were made in a capture: it is the captured graph's.
  std::unordered_map<void*, std::shared_ptr<CaptureMemory>> captured_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Allocator& allocator(int index) {
  struct All {
    Mutex mutex;
    std::array<CudaAllocator*, kMaxDevices> made ABSL_GUARDED_BY(mutex) = {};
  };
  static All& all = *new All;  // never destroyed: storages refer to its allocators
  stream(index);               // throws where there is no such device
  const MutexLock lock(all.mutex);
  CudaAllocator*& a = all.made[static_cast<size_t>(index)];
  if (!a) a = new CudaAllocator(index);
  return *a;
}

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes, bool wait_for_it) {
  if (bytes == 0) return;
  if (capturing() && to_device != from_device) {
    fail("to: while work is captured nothing may be copied between devices, here from ", to_string(from_device), " to ",
         to_string(to_device),
         ": item(), printing and copies to the CPU have their place after replay(), copies from "
         "the CPU before it, into a tensor that is there (copy_())");
  }
  if (to_device.is_cuda() && from_device.is_cuda() && to_device != from_device) {
    const cudaStream_t source = stream(from_device.index), target = stream(to_device.index);
    {
      stream(from_device.index);
      const Event made;
      made.order(source, target);
    }
    stream(to_device.index);
    check(cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, target), "copy between devices");
    // The source may be freed in its stream as soon as this returns.
    const Event done;
    done.order(target, source);
    return;
  }
  const int device = to_device.is_cuda() ? to_device.index : from_device.index;
  const cudaStream_t s = stream(device);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, s), "copy");
  if (wait_for_it && to_device != from_device) wait(device);
}

}  // namespace hearth::cuda
