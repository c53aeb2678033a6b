// Job: one request for a model, on its way through a Scheduler.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/tensor/tensor.h"
#include "serve/base/cancelled.h"
#include "serve/base/clock.h"
#include "serve/base/memory_budget.h"

namespace hearth::serve {

/// A request with its inputs and what is to be called with its outputs.
struct Job {
  /// How long the job took: in the queue and in the model, in nanoseconds, and the examples of the batch it was in.
  struct Timing {
    int64_t queue_ns = 0, compute_ns = 0, batch = 0;
  };
  /// Takes the outputs in the signature's order, or the error.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<Tensor>>, const Timing&)>;

  std::vector<Tensor> inputs;  // checked against the signature; for a batched model all with the same dimension 0
  bool urgent = false;         // runs before all jobs that are not urgent
  Clock::time_point arrived = Clock::now();  // at the server
  Clock::time_point queued = {};             // submit() sets it
  Clock::time_point deadline = Clock::time_point::max();
  Cancelled cancelled = nullptr;  // may be null
  // Holds the memory of the inputs and, as far as it is known, of the outputs; the scheduler resizes it to what the
  // outputs take. Must live as long as `done`. May be null.
  Reservation* memory = nullptr;
  Done done = nullptr;  // called once, in any thread
};

}  // namespace hearth::serve
