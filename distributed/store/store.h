// Store: the key-value store in which the ranks of a job meet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hearth::distributed {

/// The longest key, in bytes.
constexpr size_t kMaxStoreKey = 1024;
/// The longest value, in bytes.
constexpr size_t kMaxStoreValue = 1 << 20;

/// Small values by key, seen by all ranks. Values are bytes and nothing in them is ever executed. All functions may be
/// called from several threads.
///
/// A key has 1 to kMaxStoreKey bytes, a value at most kMaxStoreValue: kInvalidArgument otherwise. kUnavailable: the
/// store cannot be reached.
class Store {
 public:
  virtual ~Store() = default;
  /// Sets a key's value, whether it has one or not.
  virtual absl::Status set(const std::string& key, const std::string& value) = 0;
  /// The value, as soon as there is one. kDeadlineExceeded after the timeout, kCancelled when a stop is requested.
  virtual absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                           const std::stop_token& stop = {}) = 0;
  /// The value if there is one now, else kNotFound.
  virtual absl::StatusOr<std::string> get(const std::string& key) = 0;
  /// Sets the value if the key has none. Returns the value that it has afterwards.
  virtual absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) = 0;
  /// Adds to a whole number (0 where there is none yet) and returns the sum. kInvalidArgument if the value is no
  /// number.
  virtual absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) = 0;
  /// Removes a key. Does nothing if there is none.
  virtual absl::Status erase(const std::string& key) = 0;
};

/// Another store's keys that begin with `prefix`, under the rest of their names.
class PrefixStore final : public Store {
 public:
  /// Adds `prefix` to each key.
  PrefixStore(std::shared_ptr<Store> store, std::string prefix)
      : store_(std::move(store)), prefix_(std::move(prefix)) {}
  absl::Status set(const std::string& key, const std::string& value) override;
  absl::StatusOr<std::string> wait(const std::string& key, std::chrono::milliseconds timeout,
                                   const std::stop_token& stop = {}) override;
  absl::StatusOr<std::string> get(const std::string& key) override;
  absl::StatusOr<std::string> set_if_absent(const std::string& key, const std::string& value) override;
  absl::StatusOr<int64_t> add(const std::string& key, int64_t amount) override;
  absl::Status erase(const std::string& key) override;

 private:
  std::shared_ptr<Store> store_;
  std::string prefix_;
};

}  // namespace hearth::distributed
