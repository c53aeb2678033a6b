#include <utility>

#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/data/batch_workers_internal.h"

namespace hearth::data {

BatchWorkers::BatchWorkers(Options options, std::function<std::optional<BatchJob>()> next)
    : options_(std::move(options)),
      next_(std::move(next)),
      made_(static_cast<size_t>(options_.prefetch)),
      threads_([this] { stop(); }) {
  threads_.start(options_.who, options_.workers, [this](int worker) { run(worker); });
}

bool BatchWorkers::wait() {
  MutexLock lock(mutex_);
  const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return place_of(next_to_take_).ready || (over_ && next_to_take_ >= next_to_make_);
  };
  if (options_.timeout.count() == 0) {
    lock.wait(changed_, due);
  } else if (!lock.wait_for(changed_, options_.timeout, due)) {
    fail(options_.who, ": the next batch was not ready after ", static_cast<int64_t>(options_.timeout.count()), " ms");
  }
  return place_of(next_to_take_).ready;
}

std::optional<LoaderState> BatchWorkers::after() {
  const MutexLock lock(mutex_);
  return place_of(next_to_take_).after;
}

Example BatchWorkers::take() {
  MutexLock lock(mutex_);
  Made made = std::exchange(place_of(next_to_take_), Made());
  ++next_to_take_;
  lock.unlock();
  changed_.notify_all();
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

void BatchWorkers::stop() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

std::exception_ptr BatchWorkers::begin(int worker) const {
  try {
    if (options_.init) options_.init(worker);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

// Waits until this thread may ask for the next job; false if there is none to ask for.
bool BatchWorkers::claim() {
  MutexLock lock(mutex_);
  lock.wait(changed_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || over_ || (!claimed_ && next_to_make_ < next_to_take_ + static_cast<int64_t>(made_.size()));
  });
  if (stop_ || over_) return false;
  claimed_ = true;
  return true;
}

// Asks for the next job and its number; false at the end.
bool BatchWorkers::draw(std::optional<BatchJob>& job, std::exception_ptr& error, int64_t& number) {
  try {
    job = next_();
  } catch (...) {
    error = std::current_exception();
  }
  const bool more = job || error;
  {
    const MutexLock lock(mutex_);
    claimed_ = false;
    if (more) number = next_to_make_++;
    else over_ = true;
  }
  changed_.notify_all();
  return more;
}

void BatchWorkers::run(int worker) {
  const ThreadWidth one(1);
  const std::exception_ptr failed = begin(worker);
  while (claim()) {
    std::optional<BatchJob> job;
    Made made;
    int64_t number = 0;
    if (!draw(job, made.error, number)) return;
    if (job) made.after = job->after;
    if (!made.error) made.error = failed;
    try {
      if (!made.error && job) made.batch = job->make();
    } catch (...) {
      made.error = std::current_exception();
    }
    {
      const MutexLock lock(mutex_);
      made.ready = true;
      place_of(number) = std::move(made);
    }
    changed_.notify_all();
  }
}

}  // namespace hearth::data
