#include "examples/common/progress.h"

#include <algorithm>
#include <cmath>

#include <unistd.h>

#include "absl/strings/str_format.h"

namespace hearth::examples {

std::string with_commas(int64_t n) {
  std::string s = std::to_string(n);
  for (auto at = static_cast<int64_t>(s.size()) - 3; at > 0; at -= 3) s.insert(static_cast<size_t>(at), 1, ',');
  return s;
}

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(std::lround(std::max(seconds, 0.0)));
  if (s < 60) return absl::StrFormat("%d s", s);
  if (s < 3600) return absl::StrFormat("%d min %d s", s / 60, s % 60);
  return absl::StrFormat("%d h %d min", s / 3600, s % 3600 / 60);
}

Progress::Progress(std::FILE* out, int64_t total, int64_t done)
    : out_(out), terminal_(isatty(fileno(out)) == 1), total_(total), start_(done) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - began_).count(); }
double Progress::rate(int64_t done) const { return static_cast<double>(done - start_) / std::max(seconds(), 1e-9); }

void Progress::update(int64_t done, absl::FunctionRef<std::string()> text) {
  const auto now = Clock::now();
  if (now - shown_ < std::chrono::milliseconds(terminal_ ? 100 : 5000)) return;
  // The first figures mean nothing yet.
  if (seconds() < 1) return;
  shown_ = now;
  const std::string line =
      absl::StrFormat("%s  %s left", text(), duration(static_cast<double>(total_ - done) / rate(done)));
  if (terminal_) absl::FPrintF(out_, "\r\033[K%s", line);
  else absl::FPrintF(out_, "%s\n", line);
  std::fflush(out_);
}

void Progress::clear() {
  if (terminal_) absl::FPrintF(out_, "\r\033[K");
  std::fflush(out_);
}

void Progress::say(const std::string& line) {
  absl::FPrintF(out_, "%s%s\n", terminal_ ? "\r\033[K" : "", line);
  std::fflush(out_);
}

}  // namespace hearth::examples
