#include "core/tensor/storage.h"

#include <new>
#include <utility>

#include "core/base/error.h"
#include "core/base/slab.h"
#include "core/device/cuda_hooks.h"

namespace hearth {

Ref<Storage> Storage::make(size_t bytes, Device device) {
  Allocator& allocator = allocator_for(device);
  return take(bytes, allocator, device.is_cuda() ? current_stream(device) : Stream{device});
}

Ref<Storage> Storage::make_pinned(size_t bytes) {
  if (device_count(DeviceType::kCuda) == 0) fail(ErrorKind::kUnsupported, "pinned memory: there is no CUDA device");
  Ref<Storage> s = take(bytes, cuda::pinned_allocator(), Stream{kCpu});
  s->pinned_ = true;
  return s;
}

Ref<Storage> Storage::take(size_t bytes, Allocator& allocator, const Stream& stream) {
  void* data = allocator.allocate(bytes, stream);
  Storage* s = new (slab::allocate(sizeof(Storage))) Storage;
  s->data_ = data;
  s->bytes_ = bytes;
  s->device_ = stream.device;
  s->stream_ = stream.handle;
  s->allocator_ = &allocator;
  return Ref<Storage>::adopt(s);
}

Ref<Storage> Storage::wrap(void* data, size_t bytes, Device device, bool read_only, std::shared_ptr<const void> owner) {
  Storage* s = new (slab::allocate(sizeof(Storage))) Storage;
  s->data_ = data;
  s->bytes_ = bytes;
  s->device_ = device;
  s->read_only_ = read_only;
  s->owner_ = std::move(owner);
  return Ref<Storage>::adopt(s);
}

void Storage::destroy(Storage* s) {
  delete s->attachment_.load(std::memory_order_acquire);
  if (s->allocator_) s->allocator_->deallocate(s->data_, s->bytes_, s->stream());
  s->~Storage();
  slab::deallocate(s, sizeof(Storage));
}

void Storage::record_stream(const Stream& user) {
  if (allocator_ && user != stream()) allocator_->record_stream(data_, user);
}

StorageAttachment* Storage::attach(std::unique_ptr<StorageAttachment> made) {
  StorageAttachment* expected = nullptr;
  if (attachment_.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) return made.release();
  return expected;
}

}  // namespace hearth
