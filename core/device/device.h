// Devices: where a tensor's memory is and where its ops run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

/// The kinds of devices.
enum class DeviceType : uint8_t {
  kCpu,   ///< The processor and its main memory.
  kCuda,  ///< An NVIDIA GPU.
  kMeta,  ///< No memory: tensors have a shape and a dtype but no values. For tracing, planning and shape tests.
};
/// The number of device types.
constexpr int kDeviceTypes = 3;

/// One device: a kind, and which one of that kind.
struct Device {
  /// The kind of device.
  DeviceType type = DeviceType::kCpu;
  /// Which device of that kind, from 0. Always 0 for the CPU and meta.
  int8_t index = 0;

  /// Reads "cpu", "cuda" (the same as "cuda:0"), "cuda:1" or "meta". Throws Error for any other text. Does not check
  /// that the device exists.
  static Device parse(std::string_view text);

  /// True for the CPU.
  constexpr bool is_cpu() const { return type == DeviceType::kCpu; }
  /// True for a CUDA GPU.
  constexpr bool is_cuda() const { return type == DeviceType::kCuda; }
  /// True for the meta device.
  constexpr bool is_meta() const { return type == DeviceType::kMeta; }
  friend constexpr bool operator==(Device, Device) = default;
};

/// The CPU.
constexpr Device kCpu{DeviceType::kCpu, 0};
/// The first GPU.
constexpr Device kCuda{DeviceType::kCuda, 0};
/// The meta device, whose tensors have no values.
constexpr Device kMeta{DeviceType::kMeta, 0};

/// How many devices of a type there are: one CPU, one meta, and the GPUs that this program can use: none without a
/// driver for them, or in a program that is not built with CUDA.
int device_count(DeviceType type);

/// The device's name as Device::parse() reads it: "cpu", "cuda:1", "meta".
std::string to_string(Device device);

}  // namespace hearth
