// WorkQueue: a few threads for what would hold up a connection's thread: decoding pictures, reading large bodies,
// writing large answers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

#include "absl/functional/any_invocable.h"
#include "core/base/threads.h"

namespace hearth::serve {

// Thread-safe.
class WorkQueue {
 public:
  // Keeps at most `limit` pieces of work waiting. Throws Error if the system refuses a thread.
  WorkQueue(int threads, size_t limit);
  // Does what waits first.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // false: too much waits already, and the work is dropped. The work must not throw.
  bool run(absl::AnyInvocable<void()> work);
  // The same for what somebody waits for already: however much waits.
  void run_always(absl::AnyInvocable<void()> work);

 private:
  bool add(absl::AnyInvocable<void()> work, size_t limit);
  void stop();
  void serve();

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<absl::AnyInvocable<void()>> waiting_;  // guarded by mutex_
  bool stopping_ = false;                           // guarded by mutex_
  ThreadGroup threads_;
};

}  // namespace hearth::serve
