// Memory for tensors' storages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device/device.h"

namespace hearth {

class Allocator {
 public:
  // At least `bytes` of uninitialised memory, 64-byte aligned. Zero bytes give null.
  // Throws Error(kOutOfMemory) when the system refuses; everything stays usable.
  virtual void* allocate(size_t bytes) = 0;
  // `bytes` as given to allocate. Any thread may free.
  virtual void deallocate(void* p, size_t bytes) noexcept = 0;

 protected:
  ~Allocator() = default;
};

// The allocator of a device. Throws Error(kUnsupported) for a device that this program has no code for.
Allocator& allocator_for(Device device);

// Makes `a` the allocator of new CPU storages and gives the one before; storages keep the one that they came from. For
// tests, while no other thread allocates.
Allocator& exchange_cpu_allocator(Allocator& a);

namespace memory {

struct Stats {
  uint64_t in_use = 0;  // bytes held by live storages (after rounding to size classes)
  uint64_t cached = 0;  // bytes kept for reuse
  uint64_t peak = 0;    // the most that in_use has been
};

// Figures of CPU memory of 1 KiB or more a piece; smaller pieces come from slabs and are not counted.
Stats stats();
// Returns cached CPU memory to the system.
void trim();

}  // namespace memory
}  // namespace hearth
