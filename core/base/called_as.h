// The name under which errors are reported: of the function that the user called.
#pragma once

#include "core/base/thread_state.h"

namespace hearth {

/// Stands first in a public function that is made of other public functions. Until it goes, errors of this thread and
/// of the threads that help it begin with this name ("cross_entropy: gather: index 7 ..."), unless a function further
/// out has given its own.
class CalledAs {
 public:
  /// Gives errors this name. `name` must outlive the guard, as a string literal does.
  explicit CalledAs(const char* name) : outermost_(!thread_state.called) {
    if (outermost_) thread_state.called = name;
  }
  ~CalledAs() {
    if (outermost_) thread_state.called = nullptr;
  }
  CalledAs(const CalledAs&) = delete;
  CalledAs& operator=(const CalledAs&) = delete;

 private:
  bool outermost_;
};

}  // namespace hearth
