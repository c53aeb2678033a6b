// Scheduler: queues the requests for one model, joins them into batches, and runs the batches on the model's instances.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "serve/model/servable.h"
#include "serve/schedule/job.h"
#include "serve/schedule/stats.h"

namespace hearth::serve {

/// How the requests for one model are joined into batches and run.
struct SchedulerOptions {
  /// The most examples in a batch, 1 to 65536. 0: a repository measures the best size when it warms the model up;
  /// without warm-up it is 32. Never more than the model takes (largest_batch). Only requests for batched models
  /// (is_batched) are joined. A single request with more examples runs in pieces of this size.
  int64_t max_batch_size = 0;
  /// How long a request may wait for others while its batch is not full, 0 to 10 s. With 0, requests that arrived
  /// while all instances were busy are still joined.
  std::chrono::microseconds max_queue_delay{0};
  /// How many batches run at the same time, 1 to 256. Each instance is a thread that calls the same Servable.
  int instances = 1;
  /// GPUs that the model runs on: so many instances for each of them, in which the GPU is default_device(). Empty: the
  /// CPU. The model has been placed on them (Servable::place).
  std::vector<Device> devices = {};
  /// The threads that an instance computes with, 1 to 1024. 0: num_threads() divided by all instances, at least 1.
  int threads_per_instance = 0;
  /// How many requests may wait, 1 to 1,000,000. More are refused.
  int64_t max_queue_size = 1024;
};

/// The queue and the instances of one version of a model. Requests join a batch in the order of their arrival, urgent
/// ones first, as long as their inputs differ in nothing but the number of examples. If a batch of several requests
/// fails, each of them runs again alone, so that one wrong request does not fail the others. Thread-safe.
class Scheduler {
 public:
  /// The options with threads_per_instance filled in. Throws Error if one is out of range.
  static SchedulerOptions checked(SchedulerOptions options);

  /// Starts the instances. A max_batch_size of 0 means 32 here. `stats` must not be null. Throws Error as checked()
  /// does, or if the system refuses a thread.
  Scheduler(std::shared_ptr<const Servable> model, const SchedulerOptions& options, std::shared_ptr<ModelStats> stats);
  /// Runs and answers the jobs that wait, then ends the instances.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Queues a job. kResourceExhausted if the queue is full even without late and cancelled jobs: the job is dropped,
  /// and its `done` is never called.
  absl::Status submit(Job job);

  /// Answers, in this thread, the queued jobs that nobody waits for: those past their deadline and those that are
  /// cancelled. A repository does so at short intervals.
  void expire();

  /// The options in use, with every default filled in.
  const SchedulerOptions& options() const { return options_; }

 private:
  using Batch = std::vector<Job>;

  void stop();
  void work(Device device);
  // Takes the jobs of the next batch out of the queues. Empty: the scheduler stops.
  Batch next();
  bool collect(Batch& batch, int64_t& rows);
  bool fits(const Job& first, const Job& other) const;
  void run(Batch batch);
  void run_alone(Job job, int64_t queue_ns);
  void count_batch(int64_t requests, int64_t rows, int64_t input_ns, int64_t infer_ns);
  absl::StatusOr<std::vector<Value>> compute(std::span<const Value> inputs, int64_t count) const;
  std::vector<Job> take_expired();
  void answer_expired(std::vector<Job> jobs);
  void finish(Job& job, absl::StatusOr<std::vector<Value>> result, const Job::Timing& timing);

  const std::shared_ptr<const Servable> model_;
  const std::shared_ptr<ModelStats> stats_;
  const SchedulerOptions options_;
  const bool batched_;

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> urgent_ ABSL_GUARDED_BY(mutex_), usual_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  ThreadGroup threads_;
};

}  // namespace hearth::serve
