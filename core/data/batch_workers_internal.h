// Threads that make the batches of one loop ahead, handed out in order. For files of this package only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "core/data/example.h"
#include "core/data/loader.h"

namespace hearth::data {

// One batch.
struct BatchJob {
  std::function<Example()> make;  // called in any thread
  LoaderState after;              // where a loop stands that has taken it
};

class BatchWorkers {
 public:
  struct Options {
    int workers = 1;
    int64_t prefetch = 1;
    std::chrono::milliseconds timeout{0};
    std::function<void(int)> init{};
    const char* who = "DataLoader";  // in errors
  };
  // `next` gives the jobs, one after the other, and nothing at the end. It is called by one thread at a time. What it
  // throws becomes the error of the batch that was due.
  BatchWorkers(Options options, std::function<std::optional<BatchJob>()> next);

  // Waits for the next batch, or for the end: false. Throws Error if that takes too long; nothing is taken then.
  bool wait();
  // After wait(): where a loop stands that has taken the batch; nothing if an error of `next` is due, and no batch.
  std::optional<LoaderState> after();
  // The batch that wait() has waited for, or its error.
  Example take();

 private:
  struct Made {
    Example batch;
    std::exception_ptr error;
    bool ready = false;
    std::optional<LoaderState> after;  // nothing: the error is that of `next`
  };

  Made& place_of(int64_t batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return made_[static_cast<size_t>(batch) % made_.size()];
  }
  void stop();
  void run(int worker);
  std::exception_ptr begin(int worker) const;
  bool claim();
  bool draw(std::optional<BatchJob>& job, std::exception_ptr& error, int64_t& number);

  const Options options_;
  const std::function<std::optional<BatchJob>()> next_;
  Mutex mutex_;
  std::condition_variable changed_;
  int64_t next_to_make_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t next_to_take_ ABSL_GUARDED_BY(mutex_) = 0;
  bool claimed_ ABSL_GUARDED_BY(mutex_) = false;  // a thread is asking for the next job
  bool over_ ABSL_GUARDED_BY(mutex_) = false;     // there is none
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Made> made_ ABSL_GUARDED_BY(mutex_);  // a ring: those between next_to_take_ and next_to_make_
  ThreadGroup threads_;
};

}  // namespace hearth::data
