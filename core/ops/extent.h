#pragma once

#include <cstdint>

namespace hearth {

// A height and a width: 3 means {3, 3}.
struct Extent2 {
  int64_t h, w;
  Extent2(int64_t both) : h(both), w(both) {}
  Extent2(int64_t height, int64_t width) : h(height), w(width) {}
};

}  // namespace hearth
