#include "serve/base/memory_budget.h"

#include <malloc.h>

#include <chrono>
#include <exception>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/device/allocator.h"

namespace hearth::serve {
namespace {

constexpr int64_t kPeak = 32 << 20;              // smaller peaks are not worth a system call
constexpr std::chrono::milliseconds kCalm{200};  // wait first: the next request may want the same memory

}  // namespace

MemoryBudget::MemoryBudget(int64_t limit)
    : limit_(limit), trimmer_([this] {
        {
          const MutexLock lock(mutex_);
          stopping_ = true;
        }
        changed_.notify_all();
      }) {}

MemoryBudget::~MemoryBudget() = default;

bool MemoryBudget::take(int64_t bytes) {
  int64_t before = in_use_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ - before) return false;
  } while (!in_use_.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
  const int64_t now = before + bytes;
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) continue;
  return true;
}

void MemoryBudget::give_back(int64_t bytes) {
  const int64_t left = in_use_.fetch_sub(bytes, std::memory_order_relaxed) - bytes;
  const int64_t peak = peak_.load(std::memory_order_relaxed);
  if (peak < kPeak || left > peak / 4 || trim_wanted_.exchange(true)) return;
  try {
    trim_soon();
  } catch (const std::exception&) {
    trim_wanted_ = false;  // no thread could be started; the next peak tries again
  }
}

void MemoryBudget::trim_soon() {
  const MutexLock lock(mutex_);
  if (stopping_) return;
  if (!has_trimmer_) {
    // With the lock: the thread begins when it is let go.
    trimmer_.start("the memory budget", 1, [this](int) {
      MutexLock wait(mutex_);
      while (true) {
        wait.wait(changed_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || trim_wanted_; });
        if (wait.wait_for(changed_, kCalm, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; }))
          return;
        if (in_use() <= peak_.load(std::memory_order_relaxed) / 4) {
          peak_.store(in_use(), std::memory_order_relaxed);
          memory::trim();
          malloc_trim(0);
        }
        trim_wanted_ = false;
      }
    });
    has_trimmer_ = true;
  }
  changed_.notify_all();
}

absl::Status Reservation::resize(int64_t bytes) {
  if (budget_) {
    if (bytes > bytes_ && !budget_->take(bytes - bytes_)) {
      return absl::ResourceExhaustedError(
          concat("the requests of this server already use their memory limit: ", budget_->limit(),
                 " bytes (--max_pending_mb); this one needs ", bytes));
    }
    if (bytes < bytes_) budget_->give_back(bytes_ - bytes);
  }
  bytes_ = bytes;
  return absl::OkStatus();
}

void Reservation::release() {
  if (budget_ && bytes_ > 0) budget_->give_back(bytes_);
  bytes_ = 0;
}

}  // namespace hearth::serve
