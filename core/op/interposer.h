// Interposer: takes part in every op of a thread: tracer, profiler, autocast, anomaly mode.
#pragma once

#include "core/op/op_call.h"

namespace hearth {

class Interposer {
 public:
  // Called for each op of the thread. May look at the call, run others, proceed() with this one, or set call.out
  // itself. Ops that it runs meet the interposers outside of it.
  virtual void intercept(OpCall& call) = 0;
  virtual ~Interposer() = default;
  // True if it runs ops on tensors without data in place of those that they are called with.
  virtual bool traces() const { return false; }

 private:
  friend class InterposerGuard;
  friend struct InterposerAccess;
  Interposer* next_ = nullptr;
};

// Whether such an interposer is at work in this thread: then no tensor's values may be relied upon, not even those of
// tensors that have data, for writes to them are only noted down.
bool tracing();

// Puts an interposer in front of the thread's others while it lives. One interposer can stand in one chain only.
class InterposerGuard {
 public:
  explicit InterposerGuard(Interposer& i);
  ~InterposerGuard();
  InterposerGuard(const InterposerGuard&) = delete;
  InterposerGuard& operator=(const InterposerGuard&) = delete;

 private:
  Interposer* previous_;
};

}  // namespace hearth
