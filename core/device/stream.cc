#include "core/device/stream.h"

#include "core/base/error.h"
#include "core/device/cuda_hooks.h"

namespace hearth {

Stream current_stream(Device device) {
  if (!device.is_cuda()) return {device};
  allocator_for(device);  // throws where there is no code for the device
  return cuda::current_stream(device.index);
}

StreamGuard::StreamGuard(const Stream& stream) : previous_(current_stream(stream.device)) {
  if (stream.device.is_cuda()) cuda::set_current_stream(stream);
}
StreamGuard::~StreamGuard() {
  if (previous_.device.is_cuda()) cuda::set_current_stream(previous_);
}

void synchronize(Device device) {
  if (!device.is_cuda()) return;
  allocator_for(device);
  cuda::synchronize(device.index);
}

}  // namespace hearth
