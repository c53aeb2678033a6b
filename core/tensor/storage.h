// The memory behind tensors. Views share one Storage, and with it one version counter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/ref.h"
#include "core/device/allocator.h"
#include "core/device/device.h"

namespace hearth {

// Something a kernel keeps beside the memory it was made from, such as packed weights. Freed with the storage.
class StorageAttachment {
 public:
  virtual ~StorageAttachment() = default;
};

class Storage : public RefCounted {
 public:
  // Uninitialised memory. Throws Error(kOutOfMemory) or, for a device that is not linked, Error(kUnsupported).
  static Ref<Storage> make(size_t bytes, Device device);
  // Memory that belongs to somebody else; `owner` is kept until the storage goes. Writing through an op to read-only
  // memory throws.
  static Ref<Storage> wrap(void* data, size_t bytes, Device device, bool read_only, std::shared_ptr<const void> owner);
  static void destroy(Storage* s);

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  // The stream in which the memory was allocated, and behind whose work it is given out again.
  Stream stream() const { return {device_, stream_}; }
  // To be called where work of another stream uses the memory: it stays allocated until that is done, also if the
  // storage goes before. Memory that is wrapped is the owner's to keep.
  void record_stream(const Stream& user);
  bool read_only() const { return read_only_; }
  // True if the memory came from the device's allocator, false if it is wrapped.
  bool owned() const { return allocator_ != nullptr; }

  // Counts in-place writes. A tensor saved for backward is refused if its version has moved.
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }
  /// Sets the version, which must not be lowered: what was saved of the memory is then known to be stale. Needs
  /// exclusive use.
  void raise_version(uint32_t version) { version_.store(version, std::memory_order_relaxed); }

  // The attachment, or null. attach() sets it if there is none yet, and returns the one that is attached now.
  StorageAttachment* attachment() const { return attachment_.load(std::memory_order_acquire); }
  StorageAttachment* attach(std::unique_ptr<StorageAttachment> made);
  /// Frees the attachment. Needs exclusive use: no kernel may be using it.
  void drop_attachment() { delete attachment_.exchange(nullptr, std::memory_order_acq_rel); }

 private:
  Storage() = default;
  ~Storage() = default;

  Device device_;
  bool read_only_ = false;
  std::atomic<uint32_t> version_{0};
  void* data_ = nullptr;
  size_t bytes_ = 0;
  void* stream_ = nullptr;
  Allocator* allocator_ = nullptr;
  std::atomic<StorageAttachment*> attachment_{nullptr};
  std::shared_ptr<const void> owner_;
};

}  // namespace hearth
