// Packed forms of weights, kept beside the Storage that holds the weights.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/kernels/cpu/onednn.h"
#include "core/tensor/storage.h"

namespace hearth::cpu {

// Memory that holds weights in a kernel's own format.
struct Packed {
  explicit Packed(size_t bytes) : data(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
    if (!data) fail(ErrorKind::kOutOfMemory, "out of memory: ", bytes, " bytes for packed weights");
  }
  ~Packed() { std::free(data); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;
  void* data;
};

// The packed forms made from one Storage. An entry is good for one version of the memory, at one offset and strides,
// and for one format. Safe to use from several threads.
class PackedCache : public StorageAttachment {
 public:
  // The packed form under `key`, or null. A form is made only when the same weights (same version) are asked for a
  // second time: weights that change at every step, as in training, are never packed in vain.
  template <class Make>
  std::shared_ptr<const Packed> get(uint32_t version, const onednn::Key& key, Make&& make) {
    const MutexLock lock(mutex_);
    if (version != version_) {
      entries_.clear();
      version_ = version;
    }
    for (Entry& e : entries_) {
      if (!(e.key == key)) continue;
      if (!e.packed) e.packed = make();
      return e.packed;
    }
    if (entries_.size() == kMaxEntries) entries_.erase(entries_.begin());
    entries_.push_back({key, nullptr});
    return nullptr;
  }

 private:
  static constexpr size_t kMaxEntries = 4;
  struct Entry {
    onednn::Key key;
    std::shared_ptr<const Packed> packed;
  };
  Mutex mutex_;
  uint32_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

// Where a kernel may keep a packed form of its weights; no cache: nowhere.
struct PackedSlot {
  PackedCache* cache = nullptr;
  uint32_t version = 0;  // of the memory that the weights lie in
};

// The cache of a storage, made when first asked for.
inline PackedSlot packed_slot(Storage& storage) {
  StorageAttachment* a = storage.attachment();
  if (!a) a = storage.attach(std::make_unique<PackedCache>());
  return {dynamic_cast<PackedCache*>(a), storage.version()};
}

}  // namespace hearth::cpu
