// MemoryBudget: what requests may hold of the server's memory: bodies, what they unpack to, tensors that wait, answers
// that are not taken yet. All front ends of a server share one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/status.h"

namespace hearth::serve {

// Thread-safe. When little is left in use after a peak, memory that the allocators kept goes back to the system.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit) : limit_(limit) {}
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  int64_t limit() const { return limit_; }
  int64_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  friend class Reservation;
  bool take(int64_t bytes);
  void give_back(int64_t bytes);
  void trim_soon();

  const int64_t limit_;
  std::atomic<int64_t> in_use_{0};
  std::atomic<int64_t> peak_{0};  // since memory was last given to the system
  std::atomic<bool> trim_wanted_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread trimmer_;    // guarded by mutex_; starts when it is first needed
};

// A part of a budget. Without a budget it holds any size.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}
  Reservation(Reservation&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    Reservation old(std::move(*this));
    budget_ = std::move(other.budget_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~Reservation() { release(); }

  int64_t bytes() const { return bytes_; }
  // kResourceExhausted if the budget has not as much more; the size is then as before. Less is always possible.
  absl::Status resize(int64_t bytes);
  void release();

 private:
  std::shared_ptr<MemoryBudget> budget_;
  int64_t bytes_ = 0;
};

}  // namespace hearth::serve
