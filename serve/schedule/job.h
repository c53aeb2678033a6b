// Job: one request for a model, on its way through a Scheduler.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "serve/base/cancelled.h"
#include "serve/base/clock.h"
#include "serve/base/memory_budget.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// A request with its inputs and what is to be called with its outputs.
struct Job {
  /// How long the job took in the queue and in the model, and the size of its batch.
  struct Timing {
    int64_t queue_ns = 0;    ///< Nanoseconds from submit() until its batch began or it was refused.
    int64_t compute_ns = 0;  ///< Nanoseconds that the model took for the batch; 0 if it did not run.
    int64_t batch = 0;       ///< Examples in the batch, its own among them; 0 if it did not run.
  };
  /// Takes the outputs in the signature's order, or the error: kCancelled if the client has gone, kDeadlineExceeded if
  /// the deadline passed in the queue, kResourceExhausted without memory for the outputs, else what the model said. An
  /// exception that it throws is written to standard error, and the answer is lost.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<Value>>, const Timing&)>;

  /// The inputs in the signature's order, checked against it (check_inputs), or token ids in place of texts
  /// (Servable::text_embedding). For a batched model dimension 0 of all of them has the same size.
  std::vector<Value> inputs;
  /// Whether it goes before all jobs that are not urgent.
  bool urgent = false;
  /// When the request came to the server, for the statistics.
  Clock::time_point arrived = Clock::now();
  /// When the job was queued. Scheduler::submit() sets it.
  Clock::time_point queued = {};
  /// When the job is no longer worth running. A job that the model has begun is not interrupted.
  Clock::time_point deadline = Clock::time_point::max();
  /// Set by the front end when the client has gone; null for never. A job that the model has begun is not interrupted.
  Cancelled cancelled = nullptr;
  /// Holds the memory of the inputs and, as far as it is known, of the outputs. The scheduler resizes it to what the
  /// outputs take, or to 0 on an error. Must live until `done` has been called. Null: memory is not counted.
  Reservation* memory = nullptr;
  /// Called once, in any thread, unless submit() refuses the job.
  Done done = nullptr;
};

}  // namespace hearth::serve
