// Work: a collective that may still be running.
#pragma once

#include <chrono>
#include <memory>

namespace hearth::distributed {

namespace detail {
class WorkState;
}

/// A collective, send or receive that was begun. Its tensors must be left alone until wait() has returned. Dropping the
/// handle ends nothing: a receive that nobody has waited for still takes what its rank sends, into memory that is kept
/// for it as long as the group lives. Copies are the same work. Thread-safe.
class Work {
 public:
  /// No work: done.
  Work() = default;
  /// For ProcessGroup.
  explicit Work(std::shared_ptr<detail::WorkState> state) : state_(std::move(state)) {}
  /// Waits until it is done. Throws Error, each time, if it failed; the message says who was missing.
  void wait() const;
  /// Waits for at most `timeout`. False if it is not done then. Throws Error as wait().
  bool wait_for(std::chrono::milliseconds timeout) const;
  /// True if it has ended, well or not.
  bool done() const;
  /// Seconds from its beginning to its end; 0 until it has ended.
  double seconds() const;

 private:
  std::shared_ptr<detail::WorkState> state_;
};

}  // namespace hearth::distributed
