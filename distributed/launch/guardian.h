// Guardian: a process that ends the ranks when their launcher is gone, whatever ended it.
#pragma once

#include <sys/types.h>

namespace hearth::distributed {

/// A child of the launcher with its own session, which signals to the launcher's terminal do not reach. It waits at the
/// end of a pipe; when the launcher is gone, it kills every process group that it was told of.
class Guardian {
 public:
  /// Starts it. Throws Error(kIo) if the system refuses.
  Guardian();
  /// Ends it.
  ~Guardian();
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;
  /// A rank's process group. Called by the rank itself, before it becomes its program: only system calls.
  void watch(pid_t group) const { tell(group); }
  /// The group is gone; its number may be given to others.
  void forget(pid_t group) const { tell(-group); }

 private:
  void tell(pid_t message) const;
  [[noreturn]] static void guard(int pipe);
  int pipe_ = -1;
  pid_t pid_ = -1;
};

}  // namespace hearth::distributed
