// A flag as a lock, for a few instructions at a time.
#pragma once

#include <atomic>
#include <thread>

namespace hearth {

/// Holds `flag` until the end of the scope; other threads that want it yield meanwhile.
class SpinLock {
 public:
  /// Waits until the flag is free and takes it. `f` must outlive the lock.
  explicit SpinLock(std::atomic_flag& f) : f_(f) {
    while (f_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  /// Frees the flag.
  ~SpinLock() { f_.clear(std::memory_order_release); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

 private:
  std::atomic_flag& f_;
};

}  // namespace hearth
