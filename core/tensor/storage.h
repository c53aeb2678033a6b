// Storage: the memory behind tensors.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/ref.h"
#include "core/device/allocator.h"
#include "core/device/device.h"

namespace hearth {

/// Something that a kernel keeps beside the memory it was made from, such as packed weights. It is deleted with the
/// storage.
class StorageAttachment {
 public:
  virtual ~StorageAttachment() = default;
};

/// A piece of memory. A tensor and its views share one Storage, and with it one version counter.
class Storage : public RefCounted {
 public:
  /// Uninitialised memory on a device, allocated in the device's current stream. Throws Error(kOutOfMemory), or
  /// Error(kUnsupported) for a device that this program has no code for.
  static Ref<Storage> make(size_t bytes, Device device);
  /// Uninitialised CPU memory that GPUs read and write by themselves. Throws Error(kOutOfMemory), or
  /// Error(kUnsupported) where there is no GPU.
  static Ref<Storage> make_pinned(size_t bytes);
  /// Memory that belongs to somebody else. The storage holds `owner` as long as it lives. An op that would write to
  /// read-only memory throws Error.
  static Ref<Storage> wrap(void* data, size_t bytes, Device device, bool read_only, std::shared_ptr<const void> owner);
  /// Deletes the storage and returns its memory. Called by Ref when nobody refers to it any more.
  static void destroy(Storage* s);

  /// The first byte. Null on meta and where bytes() is 0.
  void* data() const { return data_; }
  /// The size in bytes.
  size_t bytes() const { return bytes_; }
  /// The device that the memory belongs to.
  Device device() const { return device_; }
  /// The stream in which the memory was allocated. It is given out again behind the work in this stream.
  Stream stream() const { return {device_, stream_}; }
  /// Says that work queued in another stream uses the memory. It then stays allocated until that work is done, even if
  /// the storage is deleted earlier. Does nothing for wrapped memory, which the owner must keep.
  void record_stream(const Stream& user);
  /// True if ops must not write to the memory.
  bool read_only() const { return read_only_; }
  /// True if it came from make_pinned().
  bool pinned() const { return pinned_; }
  /// True if the memory came from the device's allocator, false if it is wrapped.
  bool owned() const { return allocator_ != nullptr; }

  /// The number of in-place writes. Backward refuses a saved tensor whose version has changed.
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  /// Counts one more in-place write.
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }
  /// Sets the version, which must not be lowered: what was saved of the memory is then known to be stale. Needs
  /// exclusive use.
  void raise_version(uint32_t version) { version_.store(version, std::memory_order_relaxed); }

  /// The attachment, or null. Thread-safe.
  StorageAttachment* attachment() const { return attachment_.load(std::memory_order_acquire); }
  /// Sets the attachment if there is none yet, otherwise deletes `made`. Returns the attachment that is set now.
  /// Thread-safe.
  StorageAttachment* attach(std::unique_ptr<StorageAttachment> made);
  /// Frees the attachment. Needs exclusive use: no kernel may be using it.
  void drop_attachment() { delete attachment_.exchange(nullptr, std::memory_order_acq_rel); }

 private:
  Storage() = default;
  ~Storage() = default;
  static Ref<Storage> take(size_t bytes, Allocator& allocator, const Stream& stream);

  Device device_;
  bool read_only_ = false;
  bool pinned_ = false;
  std::atomic<uint32_t> version_{0};
  void* data_ = nullptr;
  size_t bytes_ = 0;
  void* stream_ = nullptr;
  Allocator* allocator_ = nullptr;
  std::atomic<StorageAttachment*> attachment_{nullptr};
  std::shared_ptr<const void> owner_;
};

}  // namespace hearth
