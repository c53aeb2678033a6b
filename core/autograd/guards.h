// What this thread records: guards that live on the stack.
#pragma once

#include <memory>

#include "core/base/thread_state.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Sets whether ops of this thread are recorded, while it lives.
class GradMode {
 public:
  explicit GradMode(bool on) : previous_(thread_state.grad_enabled) { thread_state.grad_enabled = on; }
  ~GradMode() { thread_state.grad_enabled = previous_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;
  static bool enabled() { return thread_state.grad_enabled && !thread_state.inference; }

 private:
  bool previous_;
};

// Nothing is recorded while it lives.
class NoGrad : public GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

// As NoGrad; the tensors made while it lives can besides never take part in a recorded op that would keep them.
class InferenceMode {
 public:
  explicit InferenceMode(bool on = true) : previous_(thread_state.inference) { thread_state.inference = on; }
  ~InferenceMode() { thread_state.inference = previous_; }
  InferenceMode(const InferenceMode&) = delete;
  InferenceMode& operator=(const InferenceMode&) = delete;
  static bool enabled() { return thread_state.inference; }

 private:
  bool previous_;
};

}  // namespace hearth
