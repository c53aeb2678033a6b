// AbortableContext: Gloo's context, but waits in it can be ended by another thread.
#pragma once

#include <gloo/rendezvous/context.h>
#include <gloo/transport/context.h>
#include <gloo/transport/unbound_buffer.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "core/base/mutex.h"

namespace hearth::distributed {

/// Whether and when waits are to end, and the buffers that somebody may be waiting for.
class AbortFlag {
 public:
  /// Ends all waits, those that begin later too.
  void abort();
  bool aborted() const {
    const MutexLock lock(mutex_);
    return aborted_;
  }
  /// The time for a wait: what was asked for, or, where an algorithm asks for none, what is left of the operation's.
  std::chrono::milliseconds time_for(std::chrono::milliseconds asked) const {
    if (asked.count() >= 0) return asked;
    const MutexLock lock(mutex_);
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(1));
  }
  void set_deadline(std::chrono::steady_clock::time_point deadline) {
    const MutexLock lock(mutex_);
    deadline_ = deadline;
  }
  void add(gloo::transport::UnboundBuffer* buffer) {
    const MutexLock lock(mutex_);
    live_.insert(buffer);
  }
  void remove(gloo::transport::UnboundBuffer* buffer) {
    const MutexLock lock(mutex_);
    live_.erase(buffer);
  }

 private:
  mutable Mutex mutex_;
  std::set<gloo::transport::UnboundBuffer*> live_ ABSL_GUARDED_BY(mutex_);
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point deadline_ ABSL_GUARDED_BY(mutex_);
};

/// Closing Gloo's connections wakes only those who wait at that moment: who begins to wait a little later waits for the
/// timeout. Here each buffer, those too that Gloo's algorithms make, is known and asks first.
class AbortableContext final : public gloo::rendezvous::Context {
 public:
  AbortableContext(int rank, int size) : Context(rank, size) {}
  /// When the context is connected: puts itself between the algorithms and the buffers; operations without a time of
  /// their own get `timeout`.
  void guard(std::chrono::milliseconds timeout);
  /// When the operation that is about to run must be done: some of Gloo's algorithms do not pass its timeout on to all
  /// of their waits.
  void set_deadline(std::chrono::steady_clock::time_point deadline) { abort_flag_->set_deadline(deadline); }
  /// Ends all waits and closes the connections.
  void abort();

 private:
  const std::shared_ptr<AbortFlag> abort_flag_ = std::make_shared<AbortFlag>();
};

}  // namespace hearth::distributed
