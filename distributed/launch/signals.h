// Signals: what asks the launcher to end, and what tells it that a rank has ended.
#pragma once

namespace hearth::distributed {

/// SIGINT, SIGTERM, SIGHUP and SIGCHLD as something to poll. They are blocked from then on, and SIGPIPE is ignored.
class Signals {
 public:
  /// Before the process has other threads.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  /// The descriptor to poll.
  int fd() const { return fd_; }
  /// The signal that asks the launcher to end; 0: none.
  int ending() const;

 private:
  int fd_;
};

}  // namespace hearth::distributed
