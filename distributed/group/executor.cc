#include "distributed/group/executor.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/base/utf8.h"
#include "distributed/group/reduce.h"

namespace hearth::distributed::detail {
namespace {

constexpr size_t kTold = 4;  // operations that a rank tells of itself on a failure

bool averages(const Call& c) { return c.reduce == ReduceOp::kAvg; }

}  // namespace

Executor::Executor(int rank, int size, std::shared_ptr<Store> store, std::unique_ptr<Backend> backend,
                   const GroupOptions& options)
    : rank_(rank),
      size_(size),
      store_(std::move(store)),
      backend_(std::move(backend)),
      options_(options),
      timeout_(options.timeout),
      recorder_(options.recorded) {
  if (size_ == 1) return;
  watch_ = std::make_unique<FailureWatch>(
      store_, rank_, size_, options_.grace, [this] { return status(); },
      [this](const std::string& why) { abort(why); });
}

Executor::~Executor() { close(); }

void Executor::close() {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  const bool thrown = std::uncaught_exceptions() > 0;
  if (watch_ && thrown) watch_->leave(true);
  try {
    thread_.join();  // after what is queued
  } catch (const std::exception&) {
    // What threw is in the operations' own results.
  }
  bool whole = false;
  {
    const MutexLock lock(mutex_);
    whole = broken_.empty();
  }
  if (watch_ && whole && !thrown) {
    watch_->leave(false);
    // Connections are not closed while another rank may still read from them.
    const auto gone = store_->add("gone", 1);
    if (gone.ok() && *gone == size_) (void)store_->set("all gone", "");
    else if (gone.ok()) (void)store_->wait("all gone", std::chrono::milliseconds(500));
  }
  watch_.reset();
}

PeerStatus Executor::status() const {
  PeerStatus s{.doing = recorder_.doing()};
  const auto all = recorder_.list();
  for (size_t i = all.size() - std::min(all.size(), kTold); i < all.size(); ++i)
    s.last.push_back(all[i].text(recorder_.now()));
  return s;
}

void Executor::expect_whole(const Call& call) {
  if (!broken_.empty())
    fail(ErrorKind::kIo, to_string(call.type), ": the group \"", options_.name, "\" has failed before: ", broken_);
  if (closed_) fail(to_string(call.type), ": the group \"", options_.name, "\" has been closed");
}

Work Executor::submit(Operation op, bool now) {
  auto work = std::make_shared<WorkState>();
  MutexLock lock(mutex_);
  expect_whole(op.transfer.call);
  const bool here = now && queue_.empty() && !running_;
  if (!here && !thread_started_) {
    // Before the operation has a number: if the system refuses the thread, nothing has been called.
    thread_.start("ProcessGroup", 1, [this](int) { loop(); });
    thread_started_ = true;
  }
  op.transfer.call.sequence = ++sequence_;
  Task task{std::move(op), 0, work, {}};
  if (!here) {
    // An error is the operation's: it has a number, which the other ranks count on.
    try {
      task.op.transfer.mark = backend_->mark(task.op.transfer.stream);
    } catch (const std::exception& x) {
      task.unmarked = x.what();
    }
  }
  task.number = recorder_.add(task.op.transfer.call);
  if (here) {
    // Handing it to another thread would take longer than a small exchange.
    running_ = true;
    lock.unlock();
    work->wait_begins();
    execute(task);
    lock.lock();
    running_ = false;
    lock.unlock();
    changed_.notify_all();
    return Work(std::move(work));
  }
  queue_.push_back(std::move(task));
  lock.unlock();
  changed_.notify_all();
  return Work(std::move(work));
}

void Executor::loop() {
  const ThreadWidth one(1);
  MutexLock lock(mutex_);
  while (true) {
    lock.wait(changed_,
              [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !running_ && (stop_ || !queue_.empty()); });
    if (queue_.empty()) return;
    {
      Task task = std::move(queue_.front());
      queue_.pop_front();
      running_ = true;
      lock.unlock();
      execute(task);
    }
    lock.lock();
    running_ = false;
    changed_.notify_all();
  }
}

void Executor::execute(Task& task) {
  const Call& call = task.op.transfer.call;
  std::exception_ptr error;
  const auto begin = Clock::now();
  std::string broken;
  {
    const MutexLock lock(mutex_);
    broken = broken_;
  }
  if (!broken.empty()) {
    error =
        std::make_exception_ptr(Error(ErrorKind::kIo, concat(call.text(), ": the group has failed before: ", broken)));
    recorder_.end(task.number, true, task.work->waited());
  } else {
    recorder_.begin(task.number);
    try {
      if (task.unmarked) throw BackendError(*task.unmarked);
      run(task.op);
      recorder_.end(task.number, false, task.work->waited());
    } catch (const std::exception& x) {
      // Whatever it was (memory that the system refused, too): the other ranks count on this one.
      error = std::make_exception_ptr(failure(call, x.what(), seconds_since(begin)));
      recorder_.end(task.number, true, task.work->waited());
    }
  }
  const double seconds = seconds_since(begin);
  task.op = {};  // whoever waits may free the tensors' memory
  task.work->finish(seconds, error);
}

void Executor::run(Operation& op) {
  const NoGrad off;
  Transfer& t = op.transfer;
  t.deadline = Clock::now() + timeout();
  if (options_.check && size_ > 1) compare(t.call, t.deadline);
  if (size_ == 1 && t.stream.device.is_cpu()) run_alone(t);
  else if (t.call.type == OpType::kBarrier || t.count > 0 || t.call.type == OpType::kAllToAll) exchange(t);
  finish(op);
}

void Executor::exchange(const Transfer& t) {
  if (!averages(t.call) || backend_->averages(t.stream.device)) return backend_->run(t);
  if (t.call.dtype != DType::kF16) {
    backend_->run(t);
    if (t.out) divide(t.out, t.count, t.call.dtype, size_);
    return;
  }
  const int64_t count = t.call.type == OpType::kReduceScatter ? t.count * size_ : t.count;
  const size_t bytes = static_cast<size_t>(count) * size_of(t.call.dtype);
  Transfer divided = t;
  std::vector<char> own;
  void* in = t.out;
  if (t.in != t.out) {
    own.resize(bytes);
    std::memcpy(own.data(), t.in, bytes);
    divided.in = in = own.data();
  }
  divide(in, count, t.call.dtype, size_);
  backend_->run(divided);
}

void Executor::abort(const std::string& why) {
  {
    const MutexLock lock(mutex_);
    if (why_.empty()) why_ = why;
  }
  aborted_.request_stop();
  backend_->abort(why);
}

void Executor::finish(Operation& op) {
  const NoGrad off;
  const StreamGuard guard(op.transfer.stream);
  for (auto& [to, from] : op.copy_back) to.copy_(from);
  // What is kept for backward and weights packed for a kernel go by the version.
  for (const Tensor& w : op.written) w.impl()->storage->bump_version();
}

void Executor::run_alone(const Transfer& t) {
  if (!t.in || !t.out || t.in == t.out) return;
  const int64_t count = t.call.type == OpType::kAllToAll ? t.in_counts[0] : t.count;
  std::memcpy(t.out, t.in, static_cast<size_t>(count) * size_of(t.call.dtype));
}

// Ranks tell each other through the store what they call.
void Executor::compare(const Call& call, Clock::time_point deadline) {
  const std::string mine = concat(call.fingerprint(), " ", call.text());
  const auto key = [](uint64_t sequence, int rank) {
    return "check/" + std::to_string(sequence) + "/" + std::to_string(rank);
  };
  const auto expect = [](const absl::Status& s) {
    if (!s.ok()) throw BackendError(std::string(s.message()));
  };
  expect(store_->set(key(call.sequence, rank_), mine));
  std::string wrong, missing;
  for (int r = 0; r < size_; ++r) {
    if (r == rank_) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const auto theirs =
        store_->wait(key(call.sequence, r), std::max(left, std::chrono::milliseconds(0)), aborted_.get_token());
    if (absl::IsCancelled(theirs.status())) {
      const MutexLock lock(mutex_);
      throw BackendError(why_);
    }
    if (!theirs.ok() && !absl::IsDeadlineExceeded(theirs.status())) expect(theirs.status());
    if (!theirs.ok()) missing += concat(missing.empty() ? "rank " : ", ", r);
    else if (*theirs != mine)
      wrong += concat("; rank ", r, " calls ", printable(theirs->substr(theirs->find(' ') + 1), kPrintedMessage));
  }
  if (!wrong.empty())
    throw BackendError(concat("ranks call different operations: rank ", rank_, " calls ", call.text(), wrong));
  if (!missing.empty()) throw BackendError(missing + " did not come");
  // Everybody has seen the last but one: all have come to the last.
  if (call.sequence > 2) (void)store_->erase(key(call.sequence - 2, rank_));
}

Error Executor::failure(const Call& call, const std::string& cause, double seconds) {
  std::string text = concat(call.text(), " on rank ", rank_, " of ", size_, " (group \"", options_.name, "\", ",
                            backend_->name(), ") failed after ", static_cast<int64_t>(seconds * 1e3), " ms");
  if (watch_) text += watch_->report(cause);
  else text += "; cause: " + cause;
  {
    const MutexLock lock(mutex_);
    if (broken_.empty()) broken_ = text;
  }
  // Ranks of one process may share the backend: they hear from it what the store would tell them.
  abort(rank_failed(rank_, cause));
  return Error(ErrorKind::kIo, text);
}

// A send or receive: whoever waits for it finishes it.
class Executor::Transferring final : public WorkState {
 public:
  Transferring(std::shared_ptr<Executor> executor, Operation op, uint64_t number)
      : executor_(std::move(executor)), number_(number), begin_(Clock::now()), op_(std::move(op)) {
    // The backend may need the memory for longer than anybody waits.
    op_.transfer.owner = std::make_shared<const std::vector<Tensor>>(std::move(op_.held));
  }
  ~Transferring() override {
    pending_.reset();
    if (!done()) executor_->recorder_.end(number_, true, waited());
  }
  void start() {
    attempt([&] { pending_ = executor_->backend_->post(op_.transfer); });
  }
  bool wait_until(Clock::time_point until) override {
    // One thread at a time waits for the backend.
    const Turn turn(*this, until);
    if (!turn.taken()) return done();
    if (!pending_) return true;
    attempt([&] {
      if (!pending_->wait(std::min(until, op_.transfer.deadline))) {
        if (Clock::now() < op_.transfer.deadline) return;
        throw BackendError("timed out");
      }
      executor_->finish(op_);
      end(nullptr);
    });
    return !pending_;
  }

 private:
  class Turn {
   public:
    Turn(Transferring& t, Clock::time_point until) : t_(t) {
      MutexLock lock(t_.mutex_);
      taken_ = lock.wait_until(t_.free_, until, [&t]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(t.mutex_) { return !t.waiting_; });
      if (taken_) t_.waiting_ = true;
    }
    ~Turn() {
      if (!taken_) return;
      {
        const MutexLock lock(t_.mutex_);
        t_.waiting_ = false;
      }
      t_.free_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    bool taken() const { return taken_; }

   private:
    Transferring& t_;
    bool taken_;
  };
  template <class F>
  void attempt(F f) {
    try {
      f();
    } catch (const std::exception& x) {
      const double seconds = seconds_since(begin_);
      end(std::make_exception_ptr(executor_->failure(op_.transfer.call, x.what(), seconds)));
    }
  }
  void end(const std::exception_ptr& error) {
    pending_.reset();
    op_ = {};
    executor_->recorder_.end(number_, error != nullptr, waited());
    finish(seconds_since(begin_), error);
  }

  const std::shared_ptr<Executor> executor_;
  const uint64_t number_;
  const Clock::time_point begin_;
  Mutex mutex_;
  std::condition_variable free_;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;  // a thread has the turn
  // Of who has the turn:
  Operation op_;
  std::unique_ptr<PendingTransfer> pending_;
};

Work Executor::post(Operation op) {
  uint64_t number = 0;
  {
    const MutexLock lock(mutex_);
    Call& call = op.transfer.call;
    expect_whole(call);
    call.sequence = ++direct_sequences_[{{call.peer, call.tag}, call.type}];
    number = recorder_.add(call);
    recorder_.begin(number);
  }
  op.transfer.deadline = Clock::now() + timeout();
  auto work = std::make_shared<Transferring>(shared_from_this(), std::move(op), number);
  work->start();
  return Work(std::move(work));
}

}  // namespace hearth::distributed::detail
