// The clock of requests: arrival, deadlines and durations.
#pragma once

#include <chrono>
#include <cstdint>

namespace hearth::serve {

/// The clock of arrivals, deadlines and durations. Monotonic; its times are never shown to a client.
using Clock = std::chrono::steady_clock;

/// A duration in whole nanoseconds.
inline int64_t nanoseconds(Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

}  // namespace hearth::serve
