// What a thread carries through every op: gradient mode, width, interposers, the path of the running module.
#pragma once

#include <cstdint>
#include <string>

namespace hearth {

class Generator;
class Interposer;
class SavedTensorHooksGuard;
struct OpCall;
enum class RecordPhase : uint8_t;

// One segment of the running module's path; lives on the stack of Module::operator().
struct NameScope {
  const char* name;
  NameScope* parent;
};

// Read once per op and changed only through RAII guards (GradMode, ThreadWidth, DefaultDevice, GeneratorGuard, …).
struct ThreadState {
  bool grad_enabled = true;
  bool inference = false;
  bool anomaly = false;  // nodes note the module they come from, and backward looks for NaN
  int16_t width = 0;     // threads that parallel_for may use; 0: the process's default
  // Where new tensors are made that name no device: a DeviceType and an index (core/device/default_device.h).
  uint8_t device_type = 0;
  int8_t device_index = 0;
  Interposer* interposer = nullptr;
  NameScope* scope = nullptr;
  const char* called = nullptr;  // the public function that is running, if it is made of others; see called_as.h
  SavedTensorHooksGuard* saved_tensor_hooks = nullptr;  // the innermost; each knows the one around it
  Generator* generator = nullptr;                       // where random ops draw from; null: the process's own
  const void* module = nullptr;                         // the module whose forward runs
  void (*record)(OpCall&, RecordPhase) = nullptr;       // autograd's way into run(); null where autograd is not linked
};

extern constinit thread_local ThreadState thread_state;

// "encoder.layers.3", or empty outside any module.
std::string module_path();

}  // namespace hearth
