// Where tensors are made that name no device.
#pragma once

#include "core/base/thread_state.h"
#include "core/device/device.h"

namespace hearth {

/// The device of new tensors for which none is given: that of this thread's innermost DefaultDevice, or else the CPU.
inline Device default_device() {
  return {static_cast<DeviceType>(thread_state.device_type), thread_state.device_index};
}

/// Sets this thread's default device while it lives. Functions that make tensors from sizes or values (empty, zeros,
/// randn, tensor, from_values …) heed it where their options name no device, and so do the parameters of modules that
/// are constructed meanwhile. What says where it makes its result (empty_like, from_blob, loading files) does not.
///
///   std::optional<Net> net;
///   {
///     const DefaultDevice meta(kMeta);
///     net.emplace();  // shapes only, no memory
///   }
///   net->to_empty(kCpu);
///   net->load_state_dict(weights);
class DefaultDevice {
 public:
  /// Makes `device` the default.
  explicit DefaultDevice(Device device) : previous_(default_device()) { set(device); }
  /// Restores the previous default.
  ~DefaultDevice() { set(previous_); }
  DefaultDevice(const DefaultDevice&) = delete;
  DefaultDevice& operator=(const DefaultDevice&) = delete;

 private:
  static void set(Device d) {
    thread_state.device_type = static_cast<uint8_t>(d.type);
    thread_state.device_index = d.index;
  }
  Device previous_;
};

}  // namespace hearth
