#include "core/base/threads.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <initializer_list>
#include <memory>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/mutex.h"

namespace hearth {
namespace {

std::atomic<int> threads_allowed{-1};

void count_thread() {
  int left = threads_allowed.load(std::memory_order_relaxed);
  while (left >= 0) {
    if (left == 0) throw std::system_error(EAGAIN, std::generic_category());
    if (threads_allowed.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return;
  }
}

// New threads inherit the mask. What a thread does wrong itself (SIGSEGV, ...) stays its own.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) sigdelset(&all, s);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void detail::limit_threads(int count) { threads_allowed.store(count, std::memory_order_relaxed); }

std::thread detail::start_thread(std::function<void()> body) {
  const BlockSignals blocked;
  count_thread();
  return std::thread(std::move(body));
}

ThreadGroup::~ThreadGroup() { stop_and_join(); }

void ThreadGroup::start(const std::string& what, int count, std::function<void(int)> body) {
  const auto shared = std::make_shared<std::function<void(int)>>(std::move(body));
  threads_.reserve(threads_.size() + static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    try {
      threads_.push_back(detail::start_thread([this, shared, i] {
        try {
          (*shared)(i);
        } catch (...) {
          const MutexLock lock(mutex_);
          if (!error_) error_ = std::current_exception();
        }
      }));
    } catch (const std::exception& e) {
      stop_and_join();
      fail(ErrorKind::kIo, what, ": thread ", i + 1, " of ", count, " could not be started: ", e.what());
    }
  }
}

void ThreadGroup::join() {
  stop_and_join();
  std::exception_ptr error;
  {
    const MutexLock lock(mutex_);
    error = std::exchange(error_, nullptr);
  }
  if (error) std::rethrow_exception(error);
}

void ThreadGroup::stop_and_join() noexcept {
  if (threads_.empty()) return;
  stop_();
  for (std::thread& t : threads_) t.join();
  threads_.clear();
}

}  // namespace hearth
