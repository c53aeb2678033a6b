#include "core/device/usable_device.h"

#include "core/base/error.h"

namespace hearth {

Device usable_device(std::string_view name) {
  const Device device = Device::parse(name);
  if (device.is_cpu()) return device;
  if (!device.is_cuda()) fail("nothing can be computed on the device ", name);
  const int count = device_count(DeviceType::kCuda);
  if (device.index < count) return device;
  std::string why = "this program is built without CUDA (--config=cuda)";
  if (count > 0) why = concat("this machine has ", count, count == 1 ? " CUDA device" : " CUDA devices");
  else if (cuda::why_no_device) why = cuda::why_no_device();
  fail(ErrorKind::kUnsupported, "there is no device ", to_string(device), ": ", why);
}

}  // namespace hearth
