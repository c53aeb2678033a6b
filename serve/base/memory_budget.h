// MemoryBudget: a limit on the memory that requests hold: bodies, decompressed bodies, tensors that wait, answers that
// the client has not read yet. HTTP and gRPC of one server share a budget.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "core/base/mutex.h"
#include "core/base/threads.h"

namespace hearth::serve {

/// A number of bytes that Reservations share. It counts memory and allocates none. When use falls far below its peak,
/// the memory that allocators keep is given back to the system. Thread-safe.
class MemoryBudget {
 public:
  /// A budget of `limit` bytes, all of them free.
  explicit MemoryBudget(int64_t limit);
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// The bytes that all reservations together may hold.
  int64_t limit() const { return limit_; }
  /// The bytes that reservations hold now.
  int64_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  friend class Reservation;
  bool take(int64_t bytes);
  void give_back(int64_t bytes);
  void trim_soon();

  const int64_t limit_;
  std::atomic<int64_t> in_use_{0};
  std::atomic<int64_t> peak_{0};  // since memory was last given back to the system
  std::atomic<bool> trim_wanted_{false};

  Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_trimmer_ ABSL_GUARDED_BY(mutex_) = false;
  ThreadGroup trimmer_;  // its one thread starts when it is first needed
};

/// A part of a budget, given back in the destructor. Without a budget it may have any size. It keeps the budget alive.
/// Not thread-safe.
class Reservation {
 public:
  /// A reservation of 0 bytes without a budget.
  Reservation() = default;
  /// A reservation of 0 bytes of `budget`; null means no limit.
  explicit Reservation(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}
  /// Takes over the budget and the bytes of `other`, which is then one of 0 bytes without a budget.
  Reservation(Reservation&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  /// Gives back its own bytes, then takes over those of `other` as the constructor does.
  Reservation& operator=(Reservation&& other) noexcept {
    Reservation old(std::move(*this));
    budget_ = std::move(other.budget_);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~Reservation() { release(); }

  /// The bytes that it holds.
  int64_t bytes() const { return bytes_; }
  /// Makes the reservation `bytes` large. kResourceExhausted if that is more than the budget has left; the size then
  /// stays as it was. Shrinking always succeeds.
  absl::Status resize(int64_t bytes);
  /// Gives back all bytes, as resize(0) does.
  void release();

 private:
  std::shared_ptr<MemoryBudget> budget_;
  int64_t bytes_ = 0;
};

}  // namespace hearth::serve
