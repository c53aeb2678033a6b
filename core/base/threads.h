// Threads for long-running work: the workers of a loader, the instances of a scheduler. To compute on several cores use
// parallel_for.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"

namespace hearth {

/// Threads that end together and are always joined.
///
///   ThreadGroup threads_{[this] { ...tell them to end... }};   // the last member: it ends before what the threads use
///   threads_.start("DataLoader", 4, [this](int i) { ... });
///
/// Call start() and join() from one thread at a time.
class ThreadGroup {
 public:
  /// A group without threads. `stop` must make the bodies return. It is called before threads are joined, possibly more
  /// than once, and must not throw.
  explicit ThreadGroup(std::function<void()> stop) : stop_(std::move(stop)) {}
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;
  /// Stops and joins the threads. Drops an exception that a body has thrown.
  ~ThreadGroup();

  /// Starts `count` threads that call body(0), body(1), … The process's signals are blocked in them. An exception that
  /// leaves a body ends that thread and is kept for join(). If the system refuses a thread, the group's threads are
  /// stopped and joined, and Error(kIo) is thrown: "DataLoader: thread 3 of 4 could not be started: …", with `what` in
  /// front.
  void start(const std::string& what, int count, std::function<void(int)> body);
  /// Stops and joins all threads, then rethrows the first exception that left a body.
  void join();

 private:
  void stop_and_join() noexcept;

  std::function<void()> stop_;
  std::vector<std::thread> threads_;
  Mutex mutex_;
  std::exception_ptr error_ ABSL_GUARDED_BY(mutex_);
};

namespace detail {

// A thread in which the process's signals are blocked. Throws std::system_error if the system refuses it.
std::thread start_thread(std::function<void()> body);

// For tests: the system refuses every thread after `count` more; negative: no limit.
void limit_threads(int count);

}  // namespace detail

}  // namespace hearth
