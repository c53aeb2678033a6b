// Ops as steps of something else.
#pragma once

#include <utility>

#include "core/base/thread_state.h"

namespace hearth {

// While it lives, this thread's ops are not recorded for gradients: for what a kernel or a composed record runs.
class Unrecorded {
 public:
  Unrecorded() : before_(std::exchange(thread_state.grad_enabled, false)) {}
  ~Unrecorded() { thread_state.grad_enabled = before_; }
  Unrecorded(const Unrecorded&) = delete;
  Unrecorded& operator=(const Unrecorded&) = delete;

 private:
  bool before_;
};

}  // namespace hearth
