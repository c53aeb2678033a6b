// Scheduler: lets requests for one model wait, joins them to batches, and runs those on the model's instances.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/threads.h"
#include "serve/memory_budget.h"
#include "serve/servable.h"
#include "serve/stats.h"

namespace hearth::serve {

struct SchedulerOptions {
  // Most examples in a batch; 0: a repository chooses when it warms the model up, and 32 without that. Requests are
  // joined only if the model is batched (is_batched).
  int64_t max_batch_size = 0;
  // How long a request may wait for others while its batch is not full. Also with 0, requests that came while an
  // instance was busy are joined.
  std::chrono::microseconds max_queue_delay{0};
  int instances = 1;              // batches that run at the same time
  int threads_per_instance = 0;   // 0: the processors divided by the instances
  int64_t max_queue_size = 1024;  // requests that may wait; beyond it they are refused
};

// Whether whoever asked has gone.
using Cancelled = std::shared_ptr<std::atomic<bool>>;

struct Job {
  struct Timing {
    int64_t queue_ns = 0, compute_ns = 0, batch = 0;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<Tensor>>, const Timing&)>;

  std::vector<Tensor> inputs;  // held against the signature; of a batched model all with the same dimension 0
  bool urgent = false;         // runs before all that are not
  Clock::time_point arrived = Clock::now();  // at the server
  Clock::time_point queued = {};             // submit() sets it
  Clock::time_point deadline = Clock::time_point::max();
  Cancelled cancelled = nullptr;  // may be null
  // Holds the inputs, and what the outputs will take as far as that is known; the scheduler makes it what the outputs
  // do take. Lives as long as `done`. May be null.
  Reservation* memory = nullptr;
  Done done = nullptr;  // called once, in any thread
};

// Thread-safe.
class Scheduler {
 public:
  // With threads_per_instance filled in. Throws Error if an option is out of range.
  static SchedulerOptions checked(SchedulerOptions options);

  // As checked(); Error also if the system refuses a thread.
  Scheduler(std::shared_ptr<const Servable> model, const SchedulerOptions& options, std::shared_ptr<ModelStats> stats);
  // Answers what waits, then ends the instances.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // kResourceExhausted if the queue is full; the job is dropped and its `done` never called.
  absl::Status submit(Job job);

  // Answers the jobs in the queue that nobody waits for: those that are late and those whose client has gone.
  void expire();

  const SchedulerOptions& options() const { return options_; }

 private:
  using Batch = std::vector<Job>;

  void stop();
  void work();
  // Takes the jobs of the next batch out of the queues. Empty: there is no more to do.
  Batch next();
  bool collect(Batch& batch, int64_t& rows);
  bool fits(const Job& first, const Job& other) const;
  void run(Batch batch);
  void run_alone(Job job, int64_t queue_ns);
  void count_batch(int64_t requests, int64_t rows, int64_t input_ns, int64_t infer_ns);
  absl::StatusOr<std::vector<Tensor>> compute(std::span<const Tensor> inputs, int64_t rows) const;
  std::vector<Job> take_expired();
  void answer_expired(std::vector<Job> jobs);
  void finish(Job& job, absl::StatusOr<std::vector<Tensor>> result, const Job::Timing& timing);

  const std::shared_ptr<const Servable> model_;
  const std::shared_ptr<ModelStats> stats_;
  const SchedulerOptions options_;
  const bool batched_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> urgent_, usual_;  // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  ThreadGroup threads_;
};

}  // namespace hearth::serve
