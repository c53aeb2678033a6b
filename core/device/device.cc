#include "core/device/device.h"

#include <charconv>

#include "core/base/error.h"
#include "core/device/cuda_hooks.h"

namespace hearth {

Device Device::parse(std::string_view text) {
  if (text == "cpu") return kCpu;
  if (text == "meta") return kMeta;
  if (text == "cuda") return {DeviceType::kCuda, 0};
  if (text.starts_with("cuda:")) {
    int8_t index = -1;
    auto [end, error] = std::from_chars(text.data() + 5, text.data() + text.size(), index);
    if (error == std::errc() && end == text.data() + text.size() && index >= 0) return {DeviceType::kCuda, index};
  }
  fail("unknown device '", text, "'; expected cpu, cuda, cuda:N or meta");
}

int device_count(DeviceType type) {
  if (type != DeviceType::kCuda) return 1;
  return cuda::device_count ? cuda::device_count() : 0;
}

std::string to_string(Device device) {
  switch (device.type) {
    case DeviceType::kCpu:
      return "cpu";
    case DeviceType::kCuda:
      return "cuda:" + std::to_string(device.index);
    case DeviceType::kMeta:
      return "meta";
  }
  return "?";
}

}  // namespace hearth
