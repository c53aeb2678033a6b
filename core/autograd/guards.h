// Guards that decide, while they live on the stack, what this thread records for gradients.
#pragma once

#include <memory>

#include "core/base/thread_state.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Sets whether ops of this thread are recorded, while it lives.
class GradMode {
 public:
  /// Switches recording on or off.
  explicit GradMode(bool on) : previous_(thread_state.grad_enabled) { thread_state.grad_enabled = on; }
  /// Restores the previous setting.
  ~GradMode() { thread_state.grad_enabled = previous_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;
  /// True if this thread records: not in NoGrad and not in InferenceMode.
  static bool enabled() { return thread_state.grad_enabled && !thread_state.inference; }

 private:
  bool previous_;
};

/// Ops of this thread are not recorded while it lives.
class NoGrad : public GradMode {
 public:
  /// Switches recording off.
  NoGrad() : GradMode(false) {}
};

/// As NoGrad. In addition, a tensor made while it lives can never be kept for backward: a recorded op that would keep
/// it throws Error.
class InferenceMode {
 public:
  /// Switches inference mode on or off.
  explicit InferenceMode(bool on = true) : previous_(thread_state.inference) { thread_state.inference = on; }
  /// Restores the previous setting.
  ~InferenceMode() { thread_state.inference = previous_; }
  InferenceMode(const InferenceMode&) = delete;
  InferenceMode& operator=(const InferenceMode&) = delete;
  /// True in inference mode.
  static bool enabled() { return thread_state.inference; }

 private:
  bool previous_;
};

}  // namespace hearth
