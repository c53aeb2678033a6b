// A mutex whose use Clang checks: what is ABSL_GUARDED_BY it is touched only by who holds it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace hearth {

/// A std::mutex with annotations for Clang's -Wthread-safety, which --config=sanitize turns into errors. Members that
/// it guards are declared `T x ABSL_GUARDED_BY(mutex_)`; a function that expects it held is declared
/// `ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_)`. Take it with MutexLock.
class ABSL_LOCKABLE Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a Mutex until the end of the scope.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  /// Waits for the mutex.
  explicit MutexLock(Mutex& m) ABSL_EXCLUSIVE_LOCK_FUNCTION(m) : lock_(m.mutex_) {}
  /// Releases the mutex if it is held.
  ~MutexLock() ABSL_UNLOCK_FUNCTION() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  /// Releases the mutex for a while.
  void unlock() ABSL_UNLOCK_FUNCTION() { lock_.unlock(); }
  /// Takes the mutex again.
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { lock_.lock(); }

  /// Waits for a notification, without the mutex meanwhile. It may also end without one.
  void wait(std::condition_variable& changed) { changed.wait(lock_); }
  /// Waits until `condition()` is true, which is called with the mutex held. A condition that reads guarded members is
  /// written `[this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ready_; }`.
  template <class Condition>
  void wait(std::condition_variable& changed, Condition condition) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    changed.wait(lock_, condition);
  }
  /// As wait, for at most `time`.
  void wait_for(std::condition_variable& changed, std::chrono::nanoseconds time) { changed.wait_for(lock_, time); }
  /// As wait, for at most `time`; returns what the condition says then.
  template <class Condition>
  bool wait_for(std::condition_variable& changed, std::chrono::nanoseconds time,
                Condition condition) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return changed.wait_for(lock_, time, condition);
  }
  /// As wait, until `end`; returns what the condition says then.
  template <class Time, class Condition>
  bool wait_until(std::condition_variable& changed, Time end, Condition condition) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return changed.wait_until(lock_, end, condition);
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace hearth
