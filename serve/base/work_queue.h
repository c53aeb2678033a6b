// WorkQueue: a few threads for work that would block a connection's thread: decoding pictures, parsing large bodies,
// writing large answers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"

namespace hearth::serve {

/// A queue of tasks, first in, first out, and the threads that run them. The tasks' own parallel loops run in one
/// thread. Thread-safe.
class WorkQueue {
 public:
  /// Starts `threads` threads. run() lets at most `limit` tasks wait. Throws Error if the system refuses a thread.
  WorkQueue(int threads, size_t limit);
  /// Runs the tasks that wait, then ends the threads.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Queues a task, which must not throw. Returns false if the queue is full; the task is then dropped.
  bool run(absl::AnyInvocable<void()> work);
  /// Queues a task as run() does but without a limit, for what its number of connections bounds: answers to requests
  /// that were accepted, messages of streams.
  void run_always(absl::AnyInvocable<void()> work);

 private:
  bool add(absl::AnyInvocable<void()> work, size_t limit);
  void stop();
  void serve();

  const size_t limit_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  ThreadGroup threads_;
};

}  // namespace hearth::serve
