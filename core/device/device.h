// Where a tensor's memory is and its ops run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

enum class DeviceType : uint8_t {
  kCpu,
  kCuda,
  kMeta,  // shapes and dtypes only, no memory: tracing, planning, shape tests
};
constexpr int kDeviceTypes = 3;

struct Device {
  DeviceType type = DeviceType::kCpu;
  int8_t index = 0;

  // "cpu", "cuda", "cuda:1", "meta". Throws Error on anything else.
  static Device parse(std::string_view text);

  constexpr bool is_cpu() const { return type == DeviceType::kCpu; }
  constexpr bool is_cuda() const { return type == DeviceType::kCuda; }
  constexpr bool is_meta() const { return type == DeviceType::kMeta; }
  friend constexpr bool operator==(Device, Device) = default;
};

constexpr Device kCpu{DeviceType::kCpu, 0};
constexpr Device kMeta{DeviceType::kMeta, 0};

std::string to_string(Device device);

}  // namespace hearth
