// The line that says how a training stands.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace hearth::fashion {

// 55000 -> "55,000"; 75.2 s -> "1 min 15 s".
std::string with_commas(int64_t n);
std::string duration(double seconds);

// On a terminal one line that is written over, a few times a second; elsewhere a plain line now and then.
class Progress {
 public:
  // done: what an earlier process has already trained of `total` images.
  Progress(std::FILE* out, int64_t total, int64_t done);

  struct Epoch {
    int64_t number, count;  // from 1
    int64_t images, of;     // of this epoch
    double loss, accuracy;  // means so far, of this epoch
  };
  // Call it as often as you like.
  void update(const Epoch& e, int64_t trained);
  // A line that stays.
  void finish_epoch(const Epoch& e, int64_t trained, double held_out_loss, double held_out_accuracy);
  void say(const std::string& line);
  // Images a second since the start of this process.
  double rate(int64_t trained) const;
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::string text(const Epoch& e, int64_t trained) const;

  std::FILE* out_;
  bool terminal_;
  int64_t total_, start_;
  Clock::time_point began_ = Clock::now(), shown_{};
};

}  // namespace hearth::fashion
