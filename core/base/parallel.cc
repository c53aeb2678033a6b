#include "core/base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <thread>

#include "core/base/cpu_quota.h"
#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/thread_state.h"
#include "core/base/threads.h"

namespace hearth {
namespace {

constexpr int kMaxWidth = 1024;
constexpr int kMaxRanges = 16;
// How long a thread that has nothing to do looks for more before it sleeps. Waking costs some 5 us; on a machine that
// is busy with other things every longer wait takes the processor from the thread that is waited for.
constexpr std::chrono::microseconds kSpin{50};

int default_width() {
  static const int width = [] {
    if (const char* text = std::getenv("HEARTH_NUM_THREADS"); text && *text) {
      char* end = nullptr;
      long v = std::strtol(text, &end, 10);
      if (*end != '\0' || v < 1 || v > kMaxWidth) {
        fail("HEARTH_NUM_THREADS must be a whole number from 1 to ", kMaxWidth, ", but is '", text, "'");
      }
      return static_cast<int>(v);
    }
    cpu_set_t set;
    const int processors = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return std::clamp(std::min(processors, cpu_quota().value_or(kMaxWidth)), 1, kMaxWidth);
  }();
  return width;
}

// Makes nested calls run on the calling thread alone.
struct NestedScope {
  int16_t previous = thread_state.width;
  NestedScope() { thread_state.width = 1; }
  ~NestedScope() { thread_state.width = previous; }
};

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits actively for a short while; true as soon as done() is.
template <class F>
bool spin(F done) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// One parallel_for, on its caller's stack. Its blocks are dealt out in ranges, one for each thread that is expected, so
// that a thread meets the same part of memory again in the next call; who is done with his own helps with the others',
// so that nobody waits for a thread that the system has not let run.
struct Job {
  void* context;
  void (*body)(void*, int64_t, int64_t);
  int64_t n, grain;
  int ranges;
  // 64 bytes each, aligned so that no two share a cache line. (GCC 12 misplaces what is aligned to more than that on
  // AddressSanitizer's stacks.)
  struct alignas(16) Range {
    std::atomic<int64_t> next;
    int64_t end;
    char apart[48];
  } range[kMaxRanges];
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  // What the caller is running, for the errors of the threads that help.
  NameScope* const scope = thread_state.scope;
  const char* const called = thread_state.called;

  // Guarded by the pool's mutex.
  int wanted;      // threads that may still join
  int joined = 1;  // that have; the caller is the first
  bool awaited = false;
  Job *previous = nullptr, *next = nullptr;
  std::atomic<int> running{0};  // written under the mutex

  Job(void* c, void (*b)(void*, int64_t, int64_t), int64_t count, int64_t g, int64_t blocks, int width)
      : context(c), body(b), n(count), grain(g), ranges(std::min(width, kMaxRanges)), wanted(width - 1) {
    for (int r = 0; r < ranges; ++r) {
      range[r].next.store(blocks * r / ranges, std::memory_order_relaxed);
      range[r].end = blocks * (r + 1) / ranges;
    }
  }

  void work(int rank) {
    for (int k = 0; k < ranges; ++k) {
      Range& r = range[(rank + k) % ranges];
      while (!failed.load(std::memory_order_relaxed)) {
        const int64_t i = r.next.fetch_add(1, std::memory_order_relaxed);
        if (i >= r.end) break;
        try {
          body(context, i * grain, std::min(n, (i + 1) * grain));
        } catch (...) {
          if (!failed.exchange(true)) error = std::current_exception();
        }
      }
    }
  }
};

class Pool {
 public:
  // The process's own; a forked child starts with a new one, because threads do not survive a fork.
  static Pool& instance() {
    static const bool prepared = [] {
      current.store(new Pool);
      pthread_atfork(nullptr, nullptr, [] { current.store(new Pool); });
      return true;
    }();
    (void)prepared;
    return *current.load(std::memory_order_relaxed);
  }

  void run(Job& job) {
    const int helpers = job.wanted;
    int wake;
    {
      const MutexLock lock(mutex_);
      wanted_ += helpers;
      while (threads_ < wanted_ && start_thread()) {
      }
      job.previous = last_;
      (last_ ? last_->next : first_) = &job;
      last_ = &job;
      posted_.fetch_add(1, std::memory_order_release);
      wake = std::min(sleeping_, helpers);
    }
    for (int i = 0; i < wake; ++i) posted_changed_.notify_one();
    {
      NestedScope nested;
      job.work(0);
    }
    MutexLock lock(mutex_);
    wanted_ -= helpers;
    (job.previous ? job.previous->next : first_) = job.next;
    (job.next ? job.next->previous : last_) = job.previous;
    if (job.running.load(std::memory_order_relaxed) == 0) return;
    lock.unlock();
    spin([&] { return job.running.load(std::memory_order_acquire) == 0; });
    // The last to leave holds the mutex until it has let go of the job.
    lock.lock();
    job.awaited = true;
    lock.wait(left_, [&] { return job.running.load(std::memory_order_relaxed) == 0; });
  }

 private:
  // These threads are in no ThreadGroup: they stay for the life of the process, and a fork leaves them behind.
  bool start_thread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    try {
      detail::start_thread([this] { help(); }).detach();
      ++threads_;
      return true;
    } catch (const std::exception&) {
      return false;  // the job is done by fewer
    }
  }

  [[noreturn]] void help() {
    thread_state.width = 1;
    MutexLock lock(mutex_);
    while (true) {
      Job* job = first_;
      while (job && job->wanted == 0) job = job->next;
      if (job) {
        --job->wanted;
        const int rank = job->joined++;
        job->running.fetch_add(1, std::memory_order_relaxed);
        lock.unlock();
        thread_state.scope = job->scope;
        thread_state.called = job->called;
        job->work(rank);
        lock.lock();
        if (job->running.fetch_sub(1, std::memory_order_release) == 1 && job->awaited) left_.notify_all();
        continue;
      }
      const uint64_t seen = posted_.load(std::memory_order_relaxed);
      const auto posted = [&] { return posted_.load(std::memory_order_acquire) != seen; };
      lock.unlock();
      const bool found = spin(posted);
      lock.lock();
      if (found) continue;
      ++sleeping_;
      lock.wait(posted_changed_, posted);
      --sleeping_;
    }
  }

  static std::atomic<Pool*> current;

  Mutex mutex_;
  std::condition_variable posted_changed_, left_;
  std::atomic<uint64_t> posted_{0};  // counts jobs; written under the mutex
  Job* first_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Job* last_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int threads_ ABSL_GUARDED_BY(mutex_) = 0;
  int sleeping_ ABSL_GUARDED_BY(mutex_) = 0;
  int wanted_ ABSL_GUARDED_BY(mutex_) = 0;  // by all jobs together
};
constinit std::atomic<Pool*> Pool::current{nullptr};

}  // namespace

int num_threads() { return thread_state.width > 0 ? thread_state.width : default_width(); }

ThreadWidth::ThreadWidth(int width) : previous_(thread_state.width) {
  HEARTH_CHECK(width >= 1 && width <= kMaxWidth, "thread width must be from 1 to ", kMaxWidth, ", but is ", width);
  thread_state.width = static_cast<int16_t>(width);
}
ThreadWidth::~ThreadWidth() { thread_state.width = previous_; }

void detail::parallel_run(int64_t n, int64_t grain, void* context, void (*body)(void*, int64_t, int64_t)) {
  const int64_t blocks = (n + grain - 1) / grain;
  const int width = static_cast<int>(std::min<int64_t>(num_threads(), blocks));
  if (width <= 1) {
    for (int64_t i = 0; i < blocks; ++i) body(context, i * grain, std::min(n, (i + 1) * grain));
    return;
  }
  Job job(context, body, n, grain, blocks, width);
  Pool::instance().run(job);
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace hearth
