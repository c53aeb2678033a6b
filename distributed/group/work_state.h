// What a Work handle refers to.
#pragma once

#include <condition_variable>
#include <exception>

#include "core/base/mutex.h"
#include "distributed/group/backend.h"
#include "distributed/group/recorder.h"

namespace hearth::distributed::detail {

/// A result that one thread gives and others wait for.
class WorkState {
 public:
  virtual ~WorkState() = default;
  /// The caller waits from now on.
  void wait_begins() {
    const MutexLock lock(mutex_);
    if (!done_ && waited_ < 0) waited_ = Recorder::now();
  }
  /// As in Recorded.
  double waited() const {
    const MutexLock lock(mutex_);
    return waited_;
  }
  /// True if it has ended by `until`.
  virtual bool wait_until(Clock::time_point until) {
    MutexLock lock(mutex_);
    return lock.wait_until(changed_, until, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; });
  }
  /// Rethrows the error, if there is one.
  void check() const {
    const MutexLock lock(mutex_);
    if (error_) std::rethrow_exception(error_);
  }
  /// Tells those who wait.
  void finish(double seconds, std::exception_ptr error) {
    {
      const MutexLock lock(mutex_);
      if (done_) return;
      done_ = true;
      seconds_ = seconds;
      error_ = std::move(error);
    }
    changed_.notify_all();
  }
  double seconds() const {
    const MutexLock lock(mutex_);
    return seconds_;
  }

 protected:
  bool done() const {
    const MutexLock lock(mutex_);
    return done_;
  }

 private:
  mutable Mutex mutex_;
  std::condition_variable changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  double seconds_ ABSL_GUARDED_BY(mutex_) = 0;
  double waited_ ABSL_GUARDED_BY(mutex_) = -1;
  std::exception_ptr error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hearth::distributed::detail
