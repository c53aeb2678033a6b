// AbortableContext: Gloo's context, but waits in it can be ended by another thread.
#pragma once

#include <gloo/rendezvous/context.h>
#include <gloo/transport/context.h>
#include <gloo/transport/unbound_buffer.h>

#include <memory>
#include <set>
#include <string>

#include "core/base/mutex.h"

namespace hearth::distributed {

/// Whether waits are to end, and the buffers that somebody may be waiting for.
class Abortion {
 public:
  /// Ends all waits, those that begin later too.
  void abort();
  bool aborted() const {
    const MutexLock lock(mutex_);
    return aborted_;
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
};

/// Closing Gloo's connections wakes only those who wait at that moment: who begins to wait a little later waits for the
/// timeout. Here each buffer, those too that Gloo's algorithms make, is known and asks first.
class AbortableContext final : public gloo::rendezvous::Context {
 public:
  AbortableContext(int rank, int size) : Context(rank, size) {}
  /// When the context is connected: puts itself between the algorithms and the buffers; operations without a time of
  /// their own get `timeout`.
  void guard(std::chrono::milliseconds timeout);
  /// Ends all waits and closes the connections.
  void abort();

 private:
  const std::shared_ptr<Abortion> abortion_ = std::make_shared<Abortion>();
};

}  // namespace hearth::distributed
