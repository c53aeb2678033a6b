// What tests/gpu_check measures, and how it prints it: a line for each row, which tools/gpu_check puts beside the line
// of the same name that peer.py prints.
#pragma once

#include <functional>
#include <string>

#include "core/device/device.h"

namespace hearth::gpu_check {

struct Options {
  Device device = kCuda;
  /// Divides sizes, for a try on the emulated device; 1 on a GPU.
  int64_t small = 1;
};

/// Seconds of one call of f, whose work the device has then done: the median of several runs of many calls each.
double seconds_of(const Options& options, const std::function<void()>& f);

/// Prints "row NAME VALUE UNIT". Units with "/s" are better when larger.
void print_row(const std::string& name, double value, const std::string& unit);

/// Runs a row. Prints "row NAME failed: ..." in place of its line if it throws Error; then gives false.
bool try_row(const std::string& name, const std::function<void()>& f);

/// Kernels, one by one: bandwidth, arithmetic, launches. Gives the number of rows that failed.
int speed(const Options& options);
/// Steps of GPT-2 124M and of ResNet-50: tokens and images in a second, peak memory. Gives the number of rows that
/// failed.
int training(const Options& options);

}  // namespace hearth::gpu_check
