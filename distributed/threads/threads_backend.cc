#include "distributed/threads/threads_backend.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/parallel.h"
#include "core/base/threads.h"
#include "core/tensor/generator.h"
#include "distributed/group/reduce.h"
#include "distributed/store/memory_store.h"

namespace hearth::distributed {
namespace {

// Where the threads of a group meet: each lays down what it has, waits for the rest, does its share.
class Meeting {
 public:
  explicit Meeting(int size) : size(size), transfers(static_cast<size_t>(size)), arrived_(static_cast<size_t>(size)) {}

  // Waits until all ranks are here. Throws naming those that are not.
  void meet(int rank, Clock::time_point deadline) {
    MutexLock lock(mutex_);
    if (broken_) throw BackendError(why_);
    const uint64_t mine = ++arrived_[static_cast<size_t>(rank)];
    const auto all = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::ranges::all_of(arrived_, [&](uint64_t a) { return a >= mine; });
    };
    if (all()) return changed_.notify_all();
    lock.wait_until(changed_, deadline, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return broken_ || all(); });
    if (all()) return;
    if (!broken_) {
      std::string missing;
      for (int r = 0; r < size; ++r) {
        if (arrived_[static_cast<size_t>(r)] < mine) missing += concat(missing.empty() ? "rank " : ", ", r);
      }
      end(missing + " did not come");
    }
    throw BackendError(why_);
  }
  // Waits for all ranks, which have met before and are on their way here: nobody may go while another reads its memory.
  void part(int rank) {
    MutexLock lock(mutex_);
    const uint64_t mine = ++arrived_[static_cast<size_t>(rank)];
    changed_.notify_all();
    lock.wait(changed_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::ranges::all_of(arrived_, [&](uint64_t a) { return a >= mine; });
    });
  }
  void abort(const std::string& why) {
    const MutexLock lock(mutex_);
    end(why);
  }

  // A send and a receive of one transfer; whoever comes second copies.
  struct Direct {
    std::optional<Transfer> send, receive;
    bool done = false;
  };
  using Key = std::pair<std::pair<int, int>, uint32_t>;  // from, to, fingerprint

  std::shared_ptr<Direct> post(const Key& key, const Transfer& t) {
    const MutexLock lock(mutex_);
    if (broken_) throw BackendError(why_);
    auto& d = direct_[key];
    if (!d) d = std::make_shared<Direct>();
    auto mine = d;
    (t.call.type == OpType::kSend ? d->send : d->receive) = t;
    if (d->send && d->receive) {
      std::memcpy(d->receive->out, d->send->in, static_cast<size_t>(t.count) * size_of(t.call.dtype));
      d->done = true;
      d->send.reset();
      d->receive.reset();
      direct_.erase(key);
      changed_.notify_all();
    }
    return mine;
  }
  bool wait(const Direct& d, Clock::time_point until) {
    MutexLock lock(mutex_);
    lock.wait_until(changed_, until, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return broken_ || d.done; });
    if (!d.done && broken_) throw BackendError(why_);
    return d.done;
  }

  const int size;
  std::vector<const Transfer*> transfers;  // of a rank that has come; read by the others between two meetings

 private:
  void end(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!broken_) why_ = why;
    broken_ = true;
    changed_.notify_all();
  }

  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint64_t> arrived_ ABSL_GUARDED_BY(mutex_);  // meetings that each rank has come to
  std::map<Key, std::shared_ptr<Direct>> direct_ ABSL_GUARDED_BY(mutex_);
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::string why_ ABSL_GUARDED_BY(mutex_);
};

// Pieces stay in the cache.
constexpr int64_t kPiece = 8192;

class Threads final : public Backend {
 public:
  Threads(std::shared_ptr<Meeting> meeting, int rank) : meeting_(std::move(meeting)), rank_(rank) {}
  const char* name() const override { return "threads"; }
  void abort(const std::string& why) override { meeting_->abort(why); }

  void run(const Transfer& t) override {
    meeting_->transfers[static_cast<size_t>(rank_)] = &t;
    meeting_->meet(rank_, t.deadline);
    std::string wrong;
    {
      const Parting parting(*meeting_, rank_);
      wrong = difference(t);
      if (wrong.empty()) wrong = exchange(t);
    }
    if (!wrong.empty()) throw BackendError(wrong);
  }

  std::unique_ptr<PendingTransfer> post(const Transfer& t) override;

 private:
  // Whoever has met the others parts from them, also by an exception: they wait for it.
  class Parting {
   public:
    Parting(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}
    ~Parting() { meeting_.part(rank_); }
    Parting(const Parting&) = delete;
    Parting& operator=(const Parting&) = delete;

   private:
    Meeting& meeting_;
    const int rank_;
  };

  int size() const { return meeting_->size; }
  const Transfer& of(int r) const { return *meeting_->transfers[static_cast<size_t>(r)]; }
  const char* in(int r) const { return static_cast<const char*>(of(r).in); }

  // What the ranks call, unless they call the same.
  std::string difference(const Transfer& t) const {
    for (int r = 0; r < size(); ++r) {
      if (of(r).call.fingerprint() == t.call.fingerprint()) continue;
      std::string all = "ranks call different operations";
      for (int k = 0; k < size(); ++k) all += concat("; rank ", k, " calls ", of(k).call.text());
      return all;
    }
    return {};
  }

  // to = the reduction of `bytes` at `at` in all ranks' inputs, in pieces.
  template <class F>
  void reduced(const Transfer& t, int64_t begin, int64_t end, int64_t offset, F use) const {
    const auto w = static_cast<int64_t>(size_of(t.call.dtype));
    alignas(64) char sum[kPiece * 8];
    for (int64_t i = begin; i < end; i += kPiece) {
      const int64_t n = std::min(kPiece, end - i), at = (offset + i) * w;
      reduce_into(sum, in(0) + at, in(1) + at, n, t.call.dtype, t.call.reduce);
      for (int r = 2; r < size(); ++r) reduce_into(sum, sum, in(r) + at, n, t.call.dtype, t.call.reduce);
      use(i * w, sum, static_cast<size_t>(n * w));
    }
  }

  // Gives what is wrong, or nothing.
  std::string exchange(const Transfer& t) {
    const size_t w = size_of(t.call.dtype), bytes = static_cast<size_t>(t.count) * w;
    char* out = static_cast<char*>(t.out);
    const bool root = t.call.root == rank_;
    const auto copied = [&](int64_t at, const char* sum, size_t n) { std::memcpy(out + at, sum, n); };
    switch (t.call.type) {
      case OpType::kAllReduce:
        // Each reduces a part, for all.
        reduced(t, t.count * rank_ / size(), t.count * (rank_ + 1) / size(), 0,
                [&](int64_t at, const char* sum, size_t n) {
                  for (int r = 0; r < size(); ++r) std::memcpy(static_cast<char*>(of(r).out) + at, sum, n);
                });
        break;
      case OpType::kReduce:
        if (root) reduced(t, 0, t.count, 0, copied);
        break;
      case OpType::kReduceScatter:
        reduced(t, 0, t.count, t.count * rank_, copied);
        break;
      case OpType::kBroadcast:
        if (!root) std::memcpy(out, in(t.call.root), bytes);
        break;
      case OpType::kAllGather:
        for (int r = 0; r < size(); ++r) std::memcpy(out + static_cast<size_t>(r) * bytes, in(r), bytes);
        break;
      case OpType::kGather:
        for (int r = 0; root && r < size(); ++r) std::memcpy(out + static_cast<size_t>(r) * bytes, in(r), bytes);
        break;
      case OpType::kScatter:
        std::memcpy(out, in(t.call.root) + static_cast<size_t>(rank_) * bytes, bytes);
        break;
      case OpType::kAllToAll:
        return all_to_all(t, out, w);
      default:
        break;
    }
    return {};
  }
  std::string all_to_all(const Transfer& t, char* out, size_t w) const {
    const auto me = static_cast<size_t>(rank_);
    for (int r = 0; r < size(); ++r) {
      const std::vector<int64_t>& theirs = of(r).in_counts;
      const int64_t mine = t.out_counts[static_cast<size_t>(r)];
      if (theirs[me] != mine)
        return concat("rank ", r, " gives ", theirs[me], " elements, but rank ", rank_, " takes ", mine);
      size_t at = 0;
      for (size_t k = 0; k < me; ++k) at += static_cast<size_t>(theirs[k]);
      const size_t n = static_cast<size_t>(mine) * w;
      if (n > 0) std::memcpy(out, in(r) + at * w, n);
      out += n;
    }
    return {};
  }

  const std::shared_ptr<Meeting> meeting_;
  const int rank_;
};

class Pending final : public PendingTransfer {
 public:
  Pending(std::shared_ptr<Meeting> meeting, const Meeting::Key& key, const Transfer& t)
      : meeting_(std::move(meeting)), direct_(meeting_->post(key, t)) {}
  bool wait(Clock::time_point until) override { return meeting_->wait(*direct_, until); }

 private:
  const std::shared_ptr<Meeting> meeting_;
  const std::shared_ptr<Meeting::Direct> direct_;
};

std::unique_ptr<PendingTransfer> Threads::post(const Transfer& t) {
  const bool send = t.call.type == OpType::kSend;
  const std::pair<int, int> way = send ? std::pair(rank_, t.call.peer) : std::pair(t.call.peer, rank_);
  return std::make_unique<Pending>(meeting_, Meeting::Key{way, t.call.fingerprint()}, t);
}

// The meetings of all groups of these ranks.
struct Hall {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<Meeting>> meetings ABSL_GUARDED_BY(mutex);
};

}  // namespace

BackendFactory threads_backend() {
  const auto hall = std::make_shared<Hall>();
  return [hall](const std::shared_ptr<Store>&, const std::string& group, int rank, int size,
                std::chrono::milliseconds timeout) {
    std::shared_ptr<Meeting> meeting;
    {
      const MutexLock lock(hall->mutex);
      auto& known = hall->meetings[group];
      meeting = known.lock();
      if (!meeting) known = meeting = std::make_shared<Meeting>(size);
    }
    if (meeting->size != size)
      throw BackendError(concat("another rank says that the group has ", meeting->size, " ranks, not ", size));
    auto backend = std::make_unique<Threads>(meeting, rank);
    meeting->meet(rank, Clock::now() + timeout);
    return backend;
  };
}

void run_ranks(int ranks, const std::function<void(ProcessGroup&)>& body, const GroupOptions& options,
               BackendFactory backend) {
  HEARTH_CHECK(ranks >= 1, "run_ranks: there must be at least one rank, not ", ranks);
  const auto store = std::make_shared<MemoryStore>();
  const BackendFactory factory = backend ? std::move(backend) : threads_backend();
  const int width = std::max(1, num_threads() / ranks);
  const GeneratorState random = default_generator().state();
  // The first exception counts: those of the others mostly follow from it.
  Mutex mutex;
  std::exception_ptr first;
  {
    ThreadGroup threads([] {});
    threads.start("run_ranks", ranks, [&](int rank) {
      try {
        const ThreadWidth share(width);
        Generator generator(random.seed);
        generator.set_state(random);
        const GeneratorGuard guard(generator);
        ProcessGroup group(rank, ranks, store, factory, options);
        body(group);
      } catch (...) {
        const MutexLock lock(mutex);
        if (!first) first = std::current_exception();
      }
    });
    threads.join();
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace hearth::distributed
