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

/// One segment of the running module's path; lives on the stack of Module::operator().
struct NameScope {
  const char* name;   ///< The module's name within its parent; empty for one that is no member.
  NameScope* parent;  ///< The segment before, or null.
};

/// What this thread's ops depend on. Read once per op and changed only through RAII guards (GradMode, ThreadWidth,
/// DefaultDevice, GeneratorGuard, …).
struct ThreadState {
  /// Ops are recorded for gradients. GradMode changes it.
  bool grad_enabled = true;
  /// New tensors are never recorded. InferenceMode changes it.
  bool inference = false;
  /// Nodes note the module they come from, and backward looks for NaN.
  bool anomaly = false;
  /// How many threads parallel_for may use; 0: the process's default. ThreadWidth changes it.
  int16_t width = 0;
  /// Where new tensors are made that name no device: a DeviceType. DefaultDevice changes it.
  uint8_t device_type = 0;
  /// The index of that device.
  int8_t device_index = 0;
  /// The floating-point dtype of values for which none is given: a DType, f32. DefaultDType changes it.
  uint8_t float_dtype = 8;
  /// The interposer that sees ops first, or null. InterposerGuard changes it.
  Interposer* interposer = nullptr;
  /// The last segment of the running module's path, or null.
  NameScope* scope = nullptr;
  /// The public function that is running, if it is made of others, or null. CalledAs changes it.
  const char* called = nullptr;
  /// The innermost guard, or null; each knows the one around it.
  SavedTensorHooksGuard* saved_tensor_hooks = nullptr;
  /// Where random ops draw from; null: the process's own. GeneratorGuard changes it.
  Generator* generator = nullptr;
  /// The module whose forward runs, or null.
  const void* module = nullptr;
  /// Autograd's way into run(); null where autograd is not linked.
  void (*record)(OpCall&, RecordPhase) = nullptr;
};

/// The state of the calling thread.
extern constinit thread_local ThreadState thread_state;

/// The path of the module whose forward runs in this thread: "encoder.layers.3"; empty outside of any module.
std::string module_path();

}  // namespace hearth
