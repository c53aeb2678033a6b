// Allocators: the memory of tensors' storages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device/device.h"
#include "core/device/stream.h"

namespace hearth {

namespace memory {

/// Bytes of a device's memory. On the CPU, pieces below 1 KiB come from slabs and are not counted.
struct Stats {
  /// Bytes held by live storages, after rounding to size classes.
  uint64_t in_use = 0;
  /// Bytes kept for reuse.
  uint64_t cached = 0;
  /// The largest value of in_use since the start of the program or the last reset_peak().
  uint64_t peak = 0;
};

}  // namespace memory

/// Gives out and takes back a device's memory. All functions are thread-safe.
class Allocator {
 public:
  /// Returns at least `bytes` bytes of uninitialised memory, aligned to 64 bytes, for work that is queued in `stream`
  /// from now on. Returns null for 0 bytes. Throws Error(kOutOfMemory) when the system refuses; the program can go on.
  virtual void* allocate(size_t bytes, const Stream& stream) = 0;
  /// Takes memory back. `bytes` and `stream` are those that allocate() was called with. The memory may be given out
  /// again for work in `stream` that runs after the work that uses it now, and after the work in the streams named by
  /// record_stream(). Any thread may call this.
  virtual void deallocate(void* p, size_t bytes, const Stream& stream) noexcept = 0;
  /// Says that work queued in `user` so far uses the memory as well. The memory is not given out again before that work
  /// is done.
  virtual void record_stream(void* /*p*/, const Stream& /*user*/) {}

  /// The figures of this allocator.
  virtual memory::Stats stats() { return {}; }
  /// Sets Stats::peak to the present Stats::in_use.
  virtual void reset_peak() {}
  /// Returns cached memory to the system.
  virtual void trim() {}

 protected:
  ~Allocator() = default;
};

/// The allocator of a device. Throws Error(kUnsupported) for a device that this program has no code for.
Allocator& allocator_for(Device device);

/// Makes `a` the allocator of new CPU storages and returns the previous one. Each storage returns its memory to the
/// allocator that gave it. For tests. No other thread may allocate during the call.
Allocator& exchange_cpu_allocator(Allocator& a);

namespace memory {

/// The figures of a device's memory. Those of meta, which has no memory, are 0. Throws Error(kUnsupported) for a device
/// that this program has no code for.
Stats stats(Device device = kCpu);
/// Sets the device's Stats::peak to its present Stats::in_use. Throws as stats().
void reset_peak(Device device = kCpu);
/// Returns a device's cached memory to the system. Throws as stats().
void trim(Device device = kCpu);

}  // namespace memory
}  // namespace hearth
