#include "serve/schedule/scheduler.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/parallel.h"
#include "core/device/default_device.h"
#include "serve/base/error_status.h"
#include "serve/model/signature.h"

namespace hearth::serve {
namespace {

constexpr int64_t kDefaultBatch = 32;

int64_t rows_of(const Job& j, bool batched) { return batched ? j.inputs[0].shape()[0] : 1; }

// Value i of the result: those at i of every list, joined along dimension 0.
std::vector<Value> join(std::span<const std::vector<Value>* const> lists) {
  std::vector<Value> whole;
  for (size_t i = 0; i < lists[0]->size(); ++i) {
    std::vector<Value> parts;
    parts.reserve(lists.size());
    for (const auto* list : lists) parts.push_back((*list)[i]);
    whole.push_back(concatenate(parts));
  }
  return whole;
}

bool gone(const Job& j) { return j.cancelled && j.cancelled->load(std::memory_order_relaxed); }

int64_t now_ms() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// On all devices.
int instances_of(const SchedulerOptions& o) { return o.instances * std::max(static_cast<int>(o.devices.size()), 1); }

}  // namespace

SchedulerOptions Scheduler::checked(SchedulerOptions o) {
  HEARTH_CHECK(o.max_batch_size >= 0 && o.max_batch_size <= 65536, "max_batch_size must be 0 to 65536, but is ",
               o.max_batch_size);
  HEARTH_CHECK(o.max_queue_delay.count() >= 0 && o.max_queue_delay <= std::chrono::seconds(10),
               "max_queue_delay must be 0 to 10 s, but is ", o.max_queue_delay.count(), " us");
  HEARTH_CHECK(o.instances >= 1 && o.instances <= 256, "instances must be 1 to 256, but is ", o.instances);
  HEARTH_CHECK(o.threads_per_instance >= 0 && o.threads_per_instance <= 1024,
               "threads_per_instance must be 0 to 1024, but is ", o.threads_per_instance);
  HEARTH_CHECK(o.max_queue_size >= 1 && o.max_queue_size <= 1'000'000, "max_queue_size must be 1 to 1000000, but is ",
               o.max_queue_size);
  if (o.threads_per_instance == 0) o.threads_per_instance = std::max(num_threads() / instances_of(o), 1);
  return o;
}

Scheduler::Scheduler(std::shared_ptr<const Servable> model, const SchedulerOptions& options,
                     std::shared_ptr<ModelStats> stats)
    : model_(std::move(model)),
      stats_(std::move(stats)),
      options_([&] {
        SchedulerOptions o = checked(options);
        if (o.max_batch_size == 0) o.max_batch_size = kDefaultBatch;
        o.max_batch_size = std::max<int64_t>(1, std::min(o.max_batch_size, largest_batch(model_->signature())));
        return o;
      }()),
      batched_(is_batched(model_->signature())),
      threads_([this] { stop(); }) {
  threads_.start("the model's instances", instances_of(options_), [this](int i) {
    const std::vector<Device>& devices = options_.devices;
    work(devices.empty() ? kCpu : devices[static_cast<size_t>(i) % devices.size()]);
  });
}

Scheduler::~Scheduler() = default;

void Scheduler::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

absl::Status Scheduler::submit(Job job) {
  std::vector<Job> expired;
  bool full = false;
  {
    const MutexLock lock(mutex_);
    const auto waiting = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return static_cast<int64_t>(urgent_.size() + usual_.size());
    };
    if (waiting() >= options_.max_queue_size) expired = take_expired();
    full = waiting() >= options_.max_queue_size;
    if (!full) {
      job.queued = Clock::now();
      stats_->pending.fetch_add(1, std::memory_order_relaxed);
      (job.urgent ? urgent_ : usual_).push_back(std::move(job));
    }
  }
  answer_expired(std::move(expired));
  if (full) {
    stats_->failed(Failure::kRejected, 0);
    return absl::ResourceExhaustedError(
        concat("the model's queue is full: ", options_.max_queue_size, " requests wait"));
  }
  changed_.notify_one();
  return absl::OkStatus();
}

std::vector<Job> Scheduler::take_expired() {
  std::vector<Job> expired;
  const Clock::time_point now = Clock::now();
  for (std::deque<Job>* queue : {&urgent_, &usual_}) {
    const auto kept =
        std::stable_partition(queue->begin(), queue->end(), [&](const Job& j) { return !gone(j) && now < j.deadline; });
    std::move(kept, queue->end(), std::back_inserter(expired));
    queue->erase(kept, queue->end());
  }
  stats_->pending.fetch_sub(static_cast<int64_t>(expired.size()), std::memory_order_relaxed);
  return expired;
}

void Scheduler::answer_expired(std::vector<Job> jobs) {
  for (Job& j : jobs) {
    finish(j,
           gone(j) ? absl::CancelledError("the client has gone")
                   : absl::DeadlineExceededError("the deadline passed before the model could run the request"),
           {.queue_ns = nanoseconds(Clock::now() - j.queued)});
  }
}

void Scheduler::expire() {
  std::vector<Job> expired;
  {
    const MutexLock lock(mutex_);
    expired = take_expired();
  }
  answer_expired(std::move(expired));
}

void Scheduler::work(Device device) {
  const DefaultDevice here(device);
  const ThreadWidth width(options_.threads_per_instance);
  const InferenceMode no_gradients;
  while (true) {
    Batch batch = next();
    if (batch.empty()) return;
    run(std::move(batch));
  }
}

// Whether two jobs differ in nothing but their number of examples.
bool Scheduler::fits(const Job& first, const Job& other) const {
  for (size_t i = 0; i < first.inputs.size(); ++i) {
    const Shape &a = first.inputs[i].shape(), &b = other.inputs[i].shape();
    if (first.inputs[i].is_bytes() != other.inputs[i].is_bytes() || a.rank() != b.rank()) return false;
    for (int d = 1; d < a.rank(); ++d) {
      if (a[d] != b[d]) return false;
    }
  }
  return true;
}

// Moves jobs into the batch, urgent ones first, in the order of arrival. Returns whether the batch is full.
bool Scheduler::collect(Batch& batch, int64_t& rows) {
  for (std::deque<Job>* queue : {&urgent_, &usual_}) {
    while (!queue->empty()) {
      Job& j = queue->front();
      const int64_t more = rows_of(j, batched_);
      if (!batch.empty() && (!batched_ || rows + more > options_.max_batch_size || !fits(batch[0], j))) return true;
      rows += more;
      batch.push_back(std::move(j));
      queue->pop_front();
    }
  }
  return !batched_ || rows >= options_.max_batch_size;
}

Scheduler::Batch Scheduler::next() {
  MutexLock lock(mutex_);
  Batch batch;
  int64_t rows = 0;
  const auto wanted = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !urgent_.empty() || !usual_.empty();
  };
  lock.wait(changed_, wanted);
  bool full = collect(batch, rows);
  if (batch.empty()) return batch;
  const Clock::time_point until = batch[0].queued + options_.max_queue_delay;
  while (!full && !stopping_ && options_.max_queue_delay.count() > 0) {
    if (!lock.wait_until(changed_, until, wanted)) break;
    full = collect(batch, rows);
  }
  stats_->pending.fetch_sub(static_cast<int64_t>(batch.size()), std::memory_order_relaxed);
  // The jobs that did not fit are another instance's, which may have missed the notification for them.
  if (!urgent_.empty() || !usual_.empty()) changed_.notify_one();
  return batch;
}

void Scheduler::finish(Job& job, absl::StatusOr<std::vector<Value>> result, const Job::Timing& timing) {
  const int64_t total = nanoseconds(Clock::now() - job.arrived), rows = rows_of(job, batched_);
  job.inputs.clear();
  if (job.memory) {
    if (absl::Status s = job.memory->resize(result.ok() ? bytes_of(*result) : 0); !s.ok()) {
      result = std::move(s);
      job.memory->release();
    }
  }
  stats_->request_time.add(total);
  stats_->queue.add(timing.queue_ns);
  stats_->queue_time.add(timing.queue_ns);
  if (result.ok()) {
    stats_->success.add(total);
    stats_->inferences.fetch_add(rows, std::memory_order_relaxed);
  } else {
    stats_->failed(absl::IsCancelled(result.status())          ? Failure::kCanceled
                   : absl::IsDeadlineExceeded(result.status()) ? Failure::kRejected
                                                               : Failure::kBackend,
                   total);
  }
  try {
    job.done(std::move(result), timing);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hearth: an answer was lost: %s\n", e.what());
  }
}

// Runs the model, in pieces if there are more rows than a batch may have, and checks its outputs against the signature.
absl::StatusOr<std::vector<Value>> Scheduler::compute(std::span<const Value> inputs, int64_t count) const {
  try {
    std::vector<std::vector<Value>> pieces;
    const int64_t step = batched_ ? options_.max_batch_size : count;
    for (int64_t at = 0; at < count; at += step) {
      const int64_t n = std::min(step, count - at);
      std::vector<Value> part;
      part.reserve(inputs.size());
      for (const Value& v : inputs) part.push_back(n == count ? v : rows(v, at, at + n));
      auto out = model_->run(part);
      // The model counts the rows that it sees.
      if (!out.ok() && n < count)
        return absl::Status(out.status().code(),
                            concat("among rows ", at, " to ", at + n - 1, ": ", std::string(out.status().message())));
      if (!out.ok()) return out.status();
      const auto& wanted = model_->signature().outputs;
      const auto fits_port = [&](const Value& v, const graph::Signature::Port& port) {
        return v.defined() && v.is_bytes() == port.bytes && (!batched_ || (v.shape().rank() > 0 && v.shape()[0] == n));
      };
      const bool fits = std::equal(out->begin(), out->end(), wanted.begin(), wanted.end(), fits_port);
      if (!fits) return absl::InternalError("the model's outputs do not match its signature");
      pieces.push_back(*std::move(out));
    }
    if (pieces.size() == 1) return std::move(pieces[0]);
    std::vector<const std::vector<Value>*> lists;
    lists.reserve(pieces.size());
    for (const auto& p : pieces) lists.push_back(&p);
    return join(lists);
  } catch (...) {
    return current_exception_status();
  }
}

// The statistics extension counts a batch's whole time for each of its requests.
void Scheduler::count_batch(int64_t requests, int64_t rows, int64_t input_ns, int64_t infer_ns) {
  stats_->executions.fetch_add(1, std::memory_order_relaxed);
  stats_->compute_time.add(infer_ns);
  stats_->compute_input.add(requests * input_ns, requests);
  stats_->compute_infer.add(requests * infer_ns, requests);
  ModelStats::Batch& size = stats_->batch(rows);
  size.count.fetch_add(1, std::memory_order_relaxed);
  size.input_ns.fetch_add(input_ns, std::memory_order_relaxed);
  size.infer_ns.fetch_add(infer_ns, std::memory_order_relaxed);
  stats_->last_inference_ms.store(now_ms(), std::memory_order_relaxed);
}

void Scheduler::run(Batch batch) {
  const Clock::time_point start = Clock::now();
  // Nobody waits for these jobs any more.
  Batch expired;
  std::erase_if(batch, [&](Job& j) {
    if (!gone(j) && start < j.deadline) return false;
    expired.push_back(std::move(j));
    return true;
  });
  answer_expired(std::move(expired));
  if (batch.empty()) return;
  if (batch.size() == 1) return run_alone(std::move(batch[0]), nanoseconds(start - batch[0].queued));

  int64_t count = 0;
  for (const Job& j : batch) count += rows_of(j, batched_);
  absl::StatusOr<std::vector<Value>> out;
  Clock::time_point joined = start;
  try {
    std::vector<const std::vector<Value>*> lists;
    lists.reserve(batch.size());
    for (const Job& j : batch) lists.push_back(&j.inputs);
    const std::vector<Value> inputs = join(lists);
    joined = Clock::now();
    out = compute(inputs, count);
  } catch (...) {
    out = current_exception_status();
  }
  if (!out.ok()) {
    // One request may be to blame (an index out of range): run each alone, so that the others succeed.
    for (Job& j : batch) {
      const int64_t waited = nanoseconds(start - j.queued);
      run_alone(std::move(j), waited);
    }
    return;
  }
  const Clock::time_point computed = Clock::now();
  count_batch(static_cast<int64_t>(batch.size()), count, nanoseconds(joined - start), nanoseconds(computed - joined));
  int64_t at = 0;
  for (Job& j : batch) {
    const int64_t n = rows_of(j, batched_);
    std::vector<Value> own;
    own.reserve(out->size());
    for (const Value& v : *out) own.push_back(rows(v, at, at + n));
    at += n;
    finish(j, std::move(own),
           {.queue_ns = nanoseconds(start - j.queued), .compute_ns = nanoseconds(computed - joined), .batch = count});
  }
  stats_->batch(count).output_ns.fetch_add(nanoseconds(Clock::now() - computed), std::memory_order_relaxed);
}

void Scheduler::run_alone(Job job, int64_t queue_ns) {
  const Clock::time_point start = Clock::now();
  const int64_t count = rows_of(job, batched_);
  auto out = compute(job.inputs, count);
  const int64_t took = nanoseconds(Clock::now() - start);
  if (out.ok()) count_batch(1, count, 0, took);
  finish(job, std::move(out), {.queue_ns = queue_ns, .compute_ns = took, .batch = count});
}

}  // namespace hearth::serve
