// Memory for tensors' storages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device/device.h"
#include "core/device/stream.h"

namespace hearth {

namespace memory {

/// Bytes of a device's memory. On the CPU, pieces below 1 KiB come from slabs and are not counted.
struct Stats {
  /// Held by live storages, after rounding to size classes.
  uint64_t in_use = 0;
  /// Kept for reuse.
  uint64_t cached = 0;
  /// The most that in_use has been since the program's start, or since reset_peak().
  uint64_t peak = 0;
};

}  // namespace memory

class Allocator {
 public:
  // At least `bytes` of uninitialised memory, 64-byte aligned, for work that stands in `stream` from now on. Zero bytes
  // give null. Throws Error(kOutOfMemory) when the system refuses; everything stays usable.
  virtual void* allocate(size_t bytes, const Stream& stream) = 0;
  // `bytes` and `stream` as given to allocate. The memory may be given out again to work that stands in `stream` behind
  // what uses it now, and after the work of the streams that record_stream() named. Any thread may free.
  virtual void deallocate(void* p, size_t bytes, const Stream& stream) noexcept = 0;
  // What stands in `user` by now uses the memory too: it may not be given out again before that is done.
  virtual void record_stream(void* /*p*/, const Stream& /*user*/) {}

  virtual memory::Stats stats() { return {}; }
  // peak becomes in_use.
  virtual void reset_peak() {}
  // Gives cached memory back to the system.
  virtual void trim() {}

 protected:
  ~Allocator() = default;
};

// The allocator of a device. Throws Error(kUnsupported) for a device that this program has no code for.
Allocator& allocator_for(Device device);

// Makes `a` the allocator of new CPU storages and gives the one before; storages keep the one that they came from. For
// tests, while no other thread allocates.
Allocator& exchange_cpu_allocator(Allocator& a);

namespace memory {

/// The figures of a device's memory. Those of meta, which has none, are 0. Throws Error(kUnsupported) for a device that
/// this program has no code for.
Stats stats(Device device = kCpu);
/// Makes the present use the peak.
void reset_peak(Device device = kCpu);
/// Returns a device's cached memory to the system.
void trim(Device device = kCpu);

}  // namespace memory
}  // namespace hearth
