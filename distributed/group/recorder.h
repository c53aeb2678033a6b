// Recorder: the last operations of a group, always kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "distributed/group/backend.h"

namespace hearth::distributed {

/// One operation, with times of Recorder::now().
struct Recorded {
  /// What was called.
  Call call;
  /// When it was called.
  double called = 0;
  /// When it began; negative: not yet.
  double begin = -1;
  /// When it ended; negative: not yet.
  double end = -1;
  /// When the caller began to wait for it; negative: it had ended before, or nobody has waited yet. What lies between
  /// `begin` and this was hidden behind other work.
  double waited = -1;
  /// Whether it ended with an error.
  bool failed = false;
  /// "all_reduce #17 of f32 [1024], sum: 1.25 ms"; `now` is for what still runs.
  std::string text(double now) const;
};

/// A ring of operations. Thread-safe.
class Recorder {
 public:
  /// Keeps the last `capacity`.
  explicit Recorder(size_t capacity) : capacity_(capacity) {}
  /// Adds an operation; gives its number for begin() and end().
  uint64_t add(const Call& call);
  /// It begins now.
  void begin(uint64_t number);
  /// It has ended now; `waited` as in Recorded.
  void end(uint64_t number, bool failed, double waited);
  /// The last operations, oldest first.
  std::vector<Recorded> list() const;
  /// "is in all_reduce #18 of f32 [8], sum for 2.01 s", "calls nothing since barrier #1, 2.05 s ago", "has called
  /// nothing yet".
  std::string doing() const;
  /// Seconds since the process first asked: one clock for all its groups.
  static double now();

 private:
  // Null if it has been overwritten.
  Recorded* find(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const size_t capacity_;
  mutable Mutex mutex_;
  std::vector<Recorded> ring_ ABSL_GUARDED_BY(mutex_);
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hearth::distributed
