// The line that says how a training stands.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/functional/function_ref.h"

namespace hearth::examples {

// 55000 -> "55,000"; 75.2 s -> "1 min 15 s".
std::string with_commas(int64_t n);
std::string duration(double seconds);

// On a terminal one line that is written over, a few times a second; elsewhere a plain line now and then.
class Progress {
 public:
  // done: what an earlier process has already trained of `total` (images, tokens, ...).
  Progress(std::FILE* out, int64_t total, int64_t done);

  // Shows the line that `text` makes, with the time that is left, if it is time to. Call it as often as you like.
  void update(int64_t done, absl::FunctionRef<std::string()> text);
  // A line that stays.
  void say(const std::string& line);
  // Takes the line away that is written over.
  void clear();
  int64_t total() const { return total_; }
  // How much was done a second since the start of this process.
  double rate(int64_t done) const;
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::FILE* out_;
  bool terminal_;
  int64_t total_, start_;
  Clock::time_point began_ = Clock::now(), shown_{};
};

}  // namespace hearth::examples
