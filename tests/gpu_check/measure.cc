#include "tests/gpu_check/measure.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "core/base/error.h"
#include "core/device/stream.h"

namespace hearth::gpu_check {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of_calls(const Options& options, const std::function<void()>& f, int calls) {
  synchronize(options.device);
  const auto begin = Clock::now();
  for (int i = 0; i < calls; ++i) f();
  synchronize(options.device);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

double seconds_of(const Options& options, const std::function<void()>& f) {
  const bool quick = options.small > 1;
  f();
  int calls = 1;
  // As many calls as take 20 ms: what the host needs to wait is little of that.
  while (!quick && calls < 10000 && seconds_of_calls(options, f, calls) < 0.02) calls *= 2;
  std::vector<double> runs;
  for (int i = 0; i < (quick ? 1 : 7); ++i) runs.push_back(seconds_of_calls(options, f, calls) / calls);
  std::nth_element(runs.begin(), runs.begin() + static_cast<ptrdiff_t>(runs.size() / 2), runs.end());
  return runs[runs.size() / 2];
}

void print_row(const std::string& name, double value, const std::string& unit) {
  std::printf("row %s %.6g %s\n", name.c_str(), value, unit.c_str());
  std::fflush(stdout);
}

bool try_row(const std::string& name, const std::function<void()>& f) {
  try {
    f();
    return true;
  } catch (const Error& e) {
    std::printf("row %s failed: %s\n", name.c_str(), e.what());
    std::fflush(stdout);
    return false;
  }
}

}  // namespace hearth::gpu_check
