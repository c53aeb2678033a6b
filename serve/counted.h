// Counted: counts one more for as long as it lives, whatever is thrown meanwhile.
#pragma once

#include <atomic>
#include <cstdint>

namespace hearth::serve {

class Counted {
 public:
  explicit Counted(std::atomic<int64_t>& counter) : counter_(counter), value_(counter.fetch_add(1) + 1) {}
  ~Counted() { counter_.fetch_sub(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int64_t value() const { return value_; }  // of the counter, with this one

 private:
  std::atomic<int64_t>& counter_;
  const int64_t value_;
};

}  // namespace hearth::serve
