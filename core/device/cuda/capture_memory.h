// The memory of a captured graph.
#pragma once

#include <cuda_runtime.h>

#include <map>
#include <memory>
#include <vector>

#include "core/base/mutex.h"
#include "core/device/stream.h"

namespace hearth::cuda {

/// Memory that captured work refers to by address. What is given back while work is captured serves later work of the
/// same capture; nothing else ever gets it. It goes when the graph and the last tensor in it have gone.
class CaptureMemory {
 public:
  /// Of no memory yet, on this device.
  explicit CaptureMemory(int device) : device_(device) {}
  ~CaptureMemory();
  CaptureMemory(const CaptureMemory&) = delete;
  CaptureMemory& operator=(const CaptureMemory&) = delete;

  /// That of the work which this thread captures on the device; null if it captures none.
  static std::shared_ptr<CaptureMemory> of_this_thread(int device);

  /// While one lives, memory that this thread asks for on the device comes from here.
  class Scope {
   public:
    /// Begins it; they do not nest.
    explicit Scope(std::shared_ptr<CaptureMemory> memory);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

  /// Memory for work that is captured from now on.
  cudaError_t take(void** p, size_t bytes);
  /// Memory that no other captured work uses, neither later nor before.
  cudaError_t take_new(void** p, size_t bytes);
  /// Takes it back.
  void give_back(void* p) noexcept;
  /// Memory of the device's allocator, which goes back to it by drop_kept().
  void keep(void* p, size_t bytes, const Stream& stream);
  /// To be called when the captured work is done for the last time.
  void drop_kept() noexcept;

 private:
  struct Kept {
    void* p;
    size_t bytes;
    Stream stream;
  };
  const int device_;
  Mutex mutex_;
  std::map<void*, size_t> all_ ABSL_GUARDED_BY(mutex_);
  std::multimap<size_t, void*> free_ ABSL_GUARDED_BY(mutex_);  // only while work is captured
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hearth::cuda
