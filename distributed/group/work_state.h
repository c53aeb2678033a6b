// What a Work handle refers to.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>

#include "distributed/group/backend.h"

namespace hearth::distributed::detail {

/// A result that one thread gives and others wait for.
class WorkState {
 public:
  virtual ~WorkState() = default;
  /// True if it has ended by `until`.
  virtual bool wait_until(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [&] { return done_; });
  }
  /// Rethrows the error, if there is one.
  void check() const {
    const std::lock_guard lock(mutex_);
    if (error_) std::rethrow_exception(error_);
  }
  /// Tells those who wait.
  void finish(double seconds, std::exception_ptr error) {
    {
      const std::lock_guard lock(mutex_);
      if (done_) return;
      done_ = true;
      seconds_ = seconds;
      error_ = std::move(error);
    }
    changed_.notify_all();
  }
  double seconds() const {
    const std::lock_guard lock(mutex_);
    return seconds_;
  }

 protected:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;

 private:
  double seconds_ = 0;
  std::exception_ptr error_;
};

}  // namespace hearth::distributed::detail
