// Executor: runs a group's operations one after another, and makes an error of a failure that names all ranks.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "core/tensor/tensor.h"
#include "distributed/group/failure_watch.h"
#include "distributed/group/process_group.h"
#include "distributed/group/work_state.h"

namespace hearth::distributed::detail {

/// A collective with the tensors that it needs.
struct Operation {
  Transfer transfer;
  std::vector<Tensor> held;                          // keep the memory alive
  std::vector<std::pair<Tensor, Tensor>> copy_back;  // afterwards the second is copied into the first
  std::vector<Tensor> written;                       // in place: their versions rise when it is done
};

/// The part of a group that runs operations. Thread-safe.
class Executor : public std::enable_shared_from_this<Executor> {
 public:
  Executor(int rank, int size, std::shared_ptr<Store> store, std::unique_ptr<Backend> backend,
           const GroupOptions& options);
  ~Executor();

  /// Gives it the next number and runs it: in this thread if `now` and nothing else runs or waits, else in the group's.
  Work submit(Operation op, bool now);
  /// Begins a send or receive.
  Work post(Operation op);
  /// Finishes what is queued and tells the others.
  void close();

  int rank() const { return rank_; }
  int size() const { return size_; }
  const Backend& backend() const { return *backend_; }
  const GroupOptions& options() const { return options_; }
  std::chrono::milliseconds timeout() const { return timeout_; }
  void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
  const std::shared_ptr<Store>& store() const { return store_; }
  const Recorder& recorder() const { return recorder_; }

 private:
  class Transferring;
  struct Task {
    Operation op;
    uint64_t number;  // the recorder's
    std::shared_ptr<WorkState> work;
    std::optional<std::string> unmarked;  // why Backend::mark() failed
  };

  void loop();
  void execute(Task& task);
  void run(Operation& op);
  void exchange(const Transfer& t);
  void run_alone(const Transfer& t);
  void abort(const std::string& why);
  void finish(Operation& op);
  void compare(const Call& call, Clock::time_point deadline);
  Error failure(const Call& call, const std::string& cause, double seconds);
  void expect_whole(const Call& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PeerStatus status() const;

  const int rank_, size_;
  const std::shared_ptr<Store> store_;
  const std::unique_ptr<Backend> backend_;
  const GroupOptions options_;
  std::atomic<std::chrono::milliseconds> timeout_;
  Recorder recorder_;
  std::stop_source aborted_;  // ends waits in the store

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool thread_started_ ABSL_GUARDED_BY(mutex_) = false;
  std::string broken_ ABSL_GUARDED_BY(mutex_);  // why nothing can be called any more
  std::string why_ ABSL_GUARDED_BY(mutex_);     // why it was aborted
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of peer, tag and direction.
  std::map<std::pair<std::pair<int, uint32_t>, OpType>, uint64_t> direct_sequences_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<FailureWatch> watch_;
  ThreadGroup thread_{[this] {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
  }};
};

}  // namespace hearth::distributed::detail
