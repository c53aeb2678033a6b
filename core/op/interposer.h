// Interposer: takes part in every op of a thread, as tracing and anomaly mode do.
#pragma once

#include "core/op/op_call.h"

namespace hearth {

/// Sees every op of a thread before it runs. Activate one with an InterposerGuard.
class Interposer {
 public:
  /// Called for each op of the thread. May look at the call, run other ops, call call.proceed(), or set call.out
  /// itself. Only the interposers that were activated before this one see the ops that it runs.
  virtual void intercept(OpCall& call) = 0;
  virtual ~Interposer() = default;
  /// True if it runs ops on tensors without data in place of the call's tensors.
  virtual bool traces() const { return false; }

 private:
  friend class InterposerGuard;
  friend struct InterposerAccess;
  Interposer* next_ = nullptr;
};

/// True if an interposer of this thread traces. Then no tensor's values may be relied on, not even those of tensors
/// that have data, because writes to them are only recorded.
bool tracing();

/// Activates an interposer in this thread while the guard lives. It comes before those that are active already. An
/// interposer can be active in one thread only, and must outlive the guard.
class InterposerGuard {
 public:
  /// Activates `i`. Throws Error if it is active in this thread already.
  explicit InterposerGuard(Interposer& i);
  ~InterposerGuard();
  InterposerGuard(const InterposerGuard&) = delete;
  InterposerGuard& operator=(const InterposerGuard&) = delete;

 private:
  Interposer* previous_;
};

}  // namespace hearth
