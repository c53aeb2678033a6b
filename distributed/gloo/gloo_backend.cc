#include "distributed/gloo/gloo_backend.h"

#include <gloo/allgather.h>
#include <gloo/allreduce.h>
#include <gloo/alltoall.h>
#include <gloo/barrier.h>
#include <gloo/broadcast.h>
#include <gloo/gather.h>
#include <gloo/reduce.h>
#include <gloo/rendezvous/store.h>
#include <gloo/scatter.h>
#include <gloo/transport/tcp/device.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"
#include "distributed/gloo/abortable_context_internal.h"
#include "distributed/group/reduce.h"

namespace hearth::distributed {
namespace {

using std::chrono::milliseconds;

constexpr int kAttempts = 5;
// Of one attempt to connect, when all ranks are there.
constexpr milliseconds kConnect{10000};
// The first half of a slot's bits where Gloo's own algorithms have numbers up to 0x0f.
constexpr uint64_t kReduceScatter = 0x10, kAllToAll = 0x11, kDirect = 0x12;
// All-reduce: below this a tree needs fewer rounds than a ring and is faster.
constexpr size_t kTreeBytes = 256 << 10;

milliseconds until(Clock::time_point deadline) {
  // Gloo takes 0 for no limit, and a negative time for its default.
  return std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), milliseconds(1));
}

template <class F>
auto guarded(F f) {
  try {
    return f();
  } catch (const gloo::Exception& e) {
    throw BackendError(e.what());
  } catch (const gloo::EnforceNotMet& e) {
    throw BackendError(e.what());
  } catch (const std::system_error& e) {
    throw BackendError(e.what());
  }
}

[[noreturn]] void rethrow(const absl::Status& s) { throw BackendError(std::string(s.message())); }

// Buffers of transfers that nobody waits for any more. While Gloo's thread may find the other rank's message for one,
// it must be there: without it the connection would be read no further.
class LeftBuffers {
 public:
  void add(std::unique_ptr<gloo::transport::UnboundBuffer> buffer, std::shared_ptr<const void> owner) {
    const MutexLock lock(mutex_);
    left_.emplace_back(std::move(owner), std::move(buffer));
  }

 private:
  Mutex mutex_;
  // The memory goes after the buffer.
  std::vector<std::pair<std::shared_ptr<const void>, std::unique_ptr<gloo::transport::UnboundBuffer>>> left_
      ABSL_GUARDED_BY(mutex_);
};

// Gloo's interface of a store over ours.
class StoreForGloo final : public gloo::rendezvous::Store {
 public:
  StoreForGloo(distributed::Store& store, std::string prefix, milliseconds timeout)
      : store_(store), prefix_(std::move(prefix)), timeout_(timeout) {}
  void set(const std::string& key, const std::vector<char>& data) override {
    if (const auto s = store_.set(prefix_ + key, std::string(data.begin(), data.end())); !s.ok()) rethrow(s);
  }
  std::vector<char> get(const std::string& key) override {
    const auto v = store_.wait(prefix_ + key, timeout_);
    if (!v.ok()) rethrow(v.status());
    return {v->begin(), v->end()};
  }
  void wait(const std::vector<std::string>& keys) override { wait(keys, timeout_); }
  void wait(const std::vector<std::string>& keys, const milliseconds& timeout) override {
    const auto end = Clock::now() + timeout;
    for (const std::string& k : keys) {
      const auto v = store_.wait(prefix_ + k, until(end));
      if (!v.ok()) rethrow(v.status());
    }
  }

 private:
  distributed::Store& store_;
  const std::string prefix_;
  const milliseconds timeout_;
};

using Context = AbortableContext;

// Every rank's word in the store, or the names of those that say nothing in time.
std::vector<std::string> exchange_words(Store& store, const std::string& what, int rank, int size,
                                        const std::string& word, milliseconds timeout) {
  if (const auto s = store.set(concat(what, "/", rank), word); !s.ok()) rethrow(s);
  const auto end = Clock::now() + timeout;
  std::vector<std::string> out;
  std::string missing;
  for (int r = 0; r < size; ++r) {
    const auto v = store.wait(concat(what, "/", r), until(end));
    if (v.ok()) out.push_back(*v);
    else if (absl::IsDeadlineExceeded(v.status())) missing += concat(missing.empty() ? "rank " : ", ", r);
    else rethrow(v.status());
  }
  if (!missing.empty()) throw BackendError(missing + " did not come");
  return out;
}

// Connects each rank to each. A connection that is none of ours spoils an attempt: all ranks then make another.
std::shared_ptr<Context> connect(Store& store, const std::string& host, int rank, int size, milliseconds timeout) {
  exchange_words(store, "here", rank, size, "", timeout);
  for (int attempt = 1;; ++attempt) {
    const std::string prefix = concat("gloo/", attempt, "/");
    auto context = std::make_shared<Context>(rank, size);
    std::string wrong;
    try {
      guarded([&] {
        StoreForGloo s(store, prefix, std::min(timeout, kConnect));
        gloo::transport::tcp::attr attr;
        attr.hostname = host;
        auto device = gloo::transport::tcp::CreateDevice(attr);
        context->setTimeout(std::min(timeout, kConnect));
        context->connectFullMesh(s, device);
      });
    } catch (const BackendError& e) {
      wrong = e.what();
      if (wrong.empty()) wrong = "cannot connect";
    }
    const auto words = exchange_words(store, prefix + "done", rank, size, wrong, timeout);
    const auto bad = std::ranges::find_if(words, [](const std::string& w) { return !w.empty(); });
    if (bad == words.end()) {
      context->guard(timeout);
      return context;
    }
    if (attempt == kAttempts) throw BackendError(concat("rank ", bad - words.begin(), " could not connect: ", *bad));
  }
}

// Gloo takes a wait that runs out of time for the end of the connection, so there is one wait for each transfer, up to
// its deadline. Who wants to look without waiting has it made by a thread.
class Pending final : public PendingTransfer {
 public:
  Pending(Context& context, LeftBuffers& left, const Transfer& t)
      : send_(t.call.type == OpType::kSend), deadline_(t.deadline), left_(left), owner_(t.owner) {
    const size_t bytes = static_cast<size_t>(t.count) * size_of(t.call.dtype);
    const uint64_t slot = kDirect << 40 | uint64_t{t.call.fingerprint()} << 8;
    done_ = bytes == 0;
    if (done_) return;
    guarded([&] {
      buffer_ = context.createUnboundBuffer(send_ ? const_cast<void*>(t.in) : t.out, bytes);
      if (send_) buffer_->send(t.call.peer, slot);
      else buffer_->recv(t.call.peer, slot);
    });
  }
  ~Pending() override {
    thread_.reset();
    const MutexLock lock(mutex_);
    if (buffer_ && !(done_ && wrong_.empty())) left_.add(std::move(buffer_), std::move(owner_));
  }
  bool wait(Clock::time_point until) override {
    MutexLock lock(mutex_);
    if (!done_ && !thread_ && until >= deadline_) {
      lock.unlock();
      wait_whole();
      lock.lock();
      done_ = true;
    }
    if (!done_ && !thread_) {
      thread_ = std::make_unique<ThreadGroup>([this] { give_up(); });
      thread_->start("gloo", 1, [this](int) {
        std::string wrong;
        try {
          wait_whole();
        } catch (const BackendError& e) {
          wrong = e.what();
        }
        {
          const MutexLock done(mutex_);
          done_ = true;
          wrong_ = wrong;
        }
        changed_.notify_all();
      });
    }
    lock.wait_until(changed_, until, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; });
    if (!wrong_.empty()) throw BackendError(wrong_);
    return done_;
  }

 private:
  void wait_whole() {
    guarded([&] { return send_ ? buffer_->waitSend(until(deadline_)) : buffer_->waitRecv(until(deadline_)); });
  }
  void give_up() {
    if (!buffer_) return;
    if (send_) buffer_->abortWaitSend();
    else buffer_->abortWaitRecv();
  }
  const bool send_;
  const Clock::time_point deadline_;
  LeftBuffers& left_;
  std::shared_ptr<const void> owner_;
  std::unique_ptr<gloo::transport::UnboundBuffer> buffer_;
  Mutex mutex_;
  std::condition_variable changed_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::string wrong_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadGroup> thread_;  // last: it uses the others
};

class Gloo final : public Backend {
 public:
  explicit Gloo(std::shared_ptr<Context> context)
      : context_(std::move(context)), rank_(context_->rank), size_(context_->size) {}
  const char* name() const override { return "gloo"; }

  void abort(const std::string& why) override {
    {
      const MutexLock lock(mutex_);
      if (!why_.empty()) return;
      why_ = why;
    }
    context_->abort();
  }

  // The tag of every message is the call's fingerprint: what another rank sends for another call never arrives here.
  // Gloo would end the process, by an exception in a thread of its own, if a message of another size came.
  void run(const Transfer& t) override {
    expect_whole();
    context_->set_deadline(t.deadline);
    try {
      guarded([&] { exchange(t); });
    } catch (const BackendError&) {
      expect_whole();  // the reason, where there is one, says more
      throw;
    }
  }
  std::unique_ptr<PendingTransfer> post(const Transfer& t) override {
    expect_whole();
    return std::make_unique<Pending>(*context_, left_, t);
  }

 private:
  void expect_whole() const {
    const MutexLock lock(mutex_);
    if (!why_.empty()) throw BackendError(why_);
  }

  template <class O>
  static void tagged(O& o, const Transfer& t) {
    o.setTag(t.call.fingerprint());
    o.setTimeout(until(t.deadline));
  }
  static auto reduction(const Transfer& t) {
    return [dtype = t.call.dtype, op = t.call.reduce](void* to, const void* a, const void* b, size_t n) {
      reduce_into(to, a, b, static_cast<int64_t>(n), dtype, op);
    };
  }
  // Gloo asks for a type to know its size.
  template <class F>
  static void sized(DType t, F f) {
    switch (size_of(t)) {
      case 1:
        return f(static_cast<uint8_t*>(nullptr));
      case 2:
        return f(static_cast<uint16_t*>(nullptr));
      case 4:
        return f(static_cast<uint32_t*>(nullptr));
      default:
        return f(static_cast<uint64_t*>(nullptr));
    }
  }

  void exchange(const Transfer& t) {
    const size_t n = static_cast<size_t>(t.count), bytes = n * size_of(t.call.dtype);
    char* in = static_cast<char*>(const_cast<void*>(t.in));
    char* out = static_cast<char*>(t.out);
    const bool root = t.call.root == rank_;
    const size_t all = bytes * static_cast<size_t>(size_);
    switch (t.call.type) {
      case OpType::kAllReduce:
        return sized(t.call.dtype, [&]<class T>(T*) {
          gloo::AllreduceOptions o(context_);
          o.setOutput(reinterpret_cast<T*>(out), n);
          o.setReduceFunction(reduction(t));
          o.setAlgorithm(bytes < kTreeBytes ? gloo::AllreduceOptions::Algorithm::BCUBE
                                            : gloo::AllreduceOptions::Algorithm::RING);
          tagged(o, t);
          gloo::allreduce(o);
        });
      case OpType::kReduce:
        return sized(t.call.dtype, [&]<class T>(T*) {
          gloo::ReduceOptions o(context_);
          // Gloo uses the output of the other ranks too.
          std::vector<T> scratch(root ? 0 : n);
          o.setInput(reinterpret_cast<T*>(in), n);
          o.setOutput(root ? reinterpret_cast<T*>(out) : scratch.data(), n);
          o.setRoot(t.call.root);
          o.setReduceFunction(reduction(t));
          tagged(o, t);
          gloo::reduce(o);
        });
      case OpType::kBroadcast: {
        gloo::BroadcastOptions o(context_);
        o.setOutput(root ? in : out, bytes);
        o.setRoot(t.call.root);
        tagged(o, t);
        return gloo::broadcast(o);
      }
      case OpType::kAllGather: {
        gloo::AllgatherOptions o(context_);
        o.setInput(in, bytes);
        o.setOutput(out, all);
        tagged(o, t);
        return gloo::allgather(o);
      }
      case OpType::kGather: {
        gloo::GatherOptions o(context_);
        o.setInput(in, bytes);
        if (root) o.setOutput(out, all);
        o.setRoot(t.call.root);
        tagged(o, t);
        return gloo::gather(o);
      }
      case OpType::kScatter: {
        gloo::ScatterOptions o(context_);
        if (root) {
          std::vector<char*> parts;
          for (size_t r = 0; r < static_cast<size_t>(size_); ++r) parts.push_back(in + r * bytes);
          o.setInputs(parts, bytes);
        }
        o.setOutput(out, bytes);
        o.setRoot(t.call.root);
        tagged(o, t);
        return gloo::scatter(o);
      }
      case OpType::kReduceScatter:
        return reduce_scatter(t, in, out, bytes);
      case OpType::kAllToAll:
        return all_to_all(t, in, out);
      default: {
        gloo::BarrierOptions o(context_);
        tagged(o, t);
        return gloo::barrier(o);
      }
    }
  }

  // Gloo has none of this kind: a ring over its send and receive. What arrives is added to this rank's own part and
  // passed on; the input is not written to, so one part is the only copy.
  void reduce_scatter(const Transfer& t, char* in, char* out, size_t bytes) {
    std::vector<char> sum(bytes), got(bytes);
    auto first = context_->createUnboundBuffer(in, bytes * static_cast<size_t>(size_));
    auto next = context_->createUnboundBuffer(sum.data(), bytes);
    auto arrived = context_->createUnboundBuffer(got.data(), bytes);
    const int right = (rank_ + 1) % size_, left = (rank_ + size_ - 1) % size_;
    const uint64_t slot = kReduceScatter << 40 | uint64_t{t.call.fingerprint()} << 8;
    // At most 255 steps have slots of their own; a pair's messages keep their order beyond that.
    for (int step = 0; step + 1 < size_; ++step) {
      const uint64_t here = slot + static_cast<uint64_t>(step & 0xff);
      const auto give = static_cast<size_t>((rank_ + 2 * size_ - 1 - step) % size_);
      const auto take = static_cast<size_t>((rank_ + 2 * size_ - 2 - step) % size_);
      auto& from = step == 0 ? first : next;
      from->send(right, here, step == 0 ? give * bytes : 0, bytes);
      arrived->recv(left, here, 0, bytes);
      arrived->waitRecv(until(t.deadline));
      from->waitSend(until(t.deadline));
      char* to = step + 2 == size_ ? out : sum.data();
      reduce_into(to, in + take * bytes, got.data(), t.count, t.call.dtype, t.call.reduce);
    }
  }

  // Sizes are agreed on first: Gloo does not survive one that differs.
  void all_to_all(const Transfer& t, char* in, char* out) {
    const auto ranks = static_cast<size_t>(size_);
    std::vector<int64_t> theirs(ranks);
    {
      gloo::AlltoallOptions o(context_);
      o.setInput(const_cast<int64_t*>(t.in_counts.data()), ranks);
      o.setOutput(theirs.data(), ranks);
      tagged(o, t);
      gloo::alltoall(o);
    }
    for (size_t r = 0; r < ranks; ++r) {
      if (theirs[r] != t.out_counts[r])
        throw BackendError(
            concat("rank ", r, " gives ", theirs[r], " elements, but rank ", rank_, " takes ", t.out_counts[r]));
    }
    const auto w = static_cast<int64_t>(size_of(t.call.dtype));
    const uint64_t slot = kAllToAll << 40 | uint64_t{t.call.fingerprint()} << 8;
    std::vector<std::unique_ptr<gloo::transport::UnboundBuffer>> sends(ranks), receives(ranks);
    int64_t from = 0, to = 0;
    for (size_t r = 0; r < ranks; ++r) {
      const auto give = static_cast<size_t>(t.in_counts[r] * w), take = static_cast<size_t>(theirs[r] * w);
      if (static_cast<int>(r) == rank_) {
        if (give > 0) std::memcpy(out + to, in + from, give);
      } else {
        if (give > 0) {
          sends[r] = context_->createUnboundBuffer(in + from, give);
          sends[r]->send(static_cast<int>(r), slot);
        }
        if (take > 0) {
          receives[r] = context_->createUnboundBuffer(out + to, take);
          receives[r]->recv(static_cast<int>(r), slot);
        }
      }
      from += t.in_counts[r] * w;
      to += theirs[r] * w;
    }
    for (auto& b : receives) {
      if (b) b->waitRecv(until(t.deadline));
    }
    for (auto& b : sends) {
      if (b) b->waitSend(until(t.deadline));
    }
  }

  const std::shared_ptr<Context> context_;
  LeftBuffers left_;
  const int rank_, size_;
  mutable Mutex mutex_;
  std::string why_ ABSL_GUARDED_BY(mutex_);  // why nothing can be exchanged any more
};

// Gloo writes with writev(): where the other rank has gone, its SIGPIPE would end the process, and not the operation.
void ignore_broken_pipes() {
  struct sigaction now = {};
  if (sigaction(SIGPIPE, nullptr, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
    std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

BackendFactory gloo_backend(const std::string& host) {
  return [host](const std::shared_ptr<Store>& store, const std::string&, int rank, int size,
                milliseconds timeout) -> std::unique_ptr<Backend> {
    ignore_broken_pipes();
    return std::make_unique<Gloo>(size == 1 ? std::make_shared<Context>(rank, size)
                                            : connect(*store, host, rank, size, timeout));
  };
}

}  // namespace hearth::distributed
