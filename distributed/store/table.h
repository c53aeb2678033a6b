// Table: the keys and values of a store that lives in this process's memory, with limits on what it takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"

namespace hearth::distributed {

/// kInvalidArgument unless key and value are within a store's limits.
absl::Status check_entry(const std::string& key, const std::string& value);
/// A value as a whole number; kInvalidArgument, naming the key, if it is none.
absl::StatusOr<int64_t> parse_number(const std::string& key, const std::string& value);
/// a + b; kInvalidArgument, naming the key, if i64 cannot hold it.
absl::StatusOr<int64_t> checked_sum(const std::string& key, int64_t a, int64_t b);

/// Keys and values, and who waits for a value. Thread-safe.
class Table {
 public:
  /// Is called once, with the value. It is called by the thread that sets the value, while the table is locked: it must
  /// not call the table.
  using Waiter = std::function<void(const std::string& value)>;

  /// What an entry or a waiter counts beside the bytes of its key and value: about the memory that it takes.
  static constexpr size_t kEntry = 128;

  /// At most `max_bytes` for entries and waiters together, and `max_waiters` waiters at once: kResourceExhausted for
  /// more.
  explicit Table(size_t max_bytes = size_t{256} << 20, size_t max_waiters = 1 << 16)
      : max_bytes_(max_bytes), max_waiters_(max_waiters) {}

  /// See Store.
  absl::Status set(const std::string& key, const std::string& value);
  /// See Store.
  absl::StatusOr<std::string> get(const std::string& key) const;
  /// See Store.
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value);
  /// See Store.
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount);
  /// See Store.
  absl::Status erase(const std::string& key);

  /// All keys that begin with `prefix`, and their values.
  std::map<std::string, std::string> entries(const std::string& prefix) const;

  /// Calls `waiter` with the key's value, at once if there is one, else when there is. Returns a number for forget(),
  /// or 0 if the waiter has been called.
  absl::StatusOr<uint64_t> when_set(const std::string& key, Waiter waiter);
  /// Drops a waiter. Returns false if it has been called: it is not called during or after this.
  bool forget(uint64_t number);

 private:
  absl::Status put(const std::string& key, const std::string& value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status take(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_, max_waiters_;
  mutable Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::pair<std::string, Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
  std::multimap<std::string, uint64_t> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hearth::distributed
