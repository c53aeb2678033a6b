// Counted: adds one to a counter for as long as it lives.
#pragma once

#include <atomic>
#include <cstdint>

namespace hearth::serve {

/// Adds one to a counter, and takes it away in the destructor.
class Counted {
 public:
  /// Adds one to `counter`, which must outlive the object.
  explicit Counted(std::atomic<int64_t>& counter) : counter_(counter), value_(counter.fetch_add(1) + 1) {}
  ~Counted() { counter_.fetch_sub(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  /// The counter's value right after this one was added.
  int64_t value() const { return value_; }

 private:
  std::atomic<int64_t>& counter_;
  const int64_t value_;
};

}  // namespace hearth::serve
