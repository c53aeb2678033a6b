/// Sizes in two and three dimensions, as arguments of convolution and pooling.
#pragma once

#include <cstdint>

namespace hearth {

/// A height and a width: 3 means {3, 3}.
struct Extent2 {
  int64_t h;  ///< Height.
  int64_t w;  ///< Width.
  /// One number for both.
  Extent2(int64_t both) : h(both), w(both) {}
  /// Height, then width, as in PyTorch.
  Extent2(int64_t height, int64_t width) : h(height), w(width) {}
};

/// A depth, a height and a width: 3 means {3, 3, 3}.
struct Extent3 {
  int64_t d;  ///< Depth.
  int64_t h;  ///< Height.
  int64_t w;  ///< Width.
  /// One number for all.
  Extent3(int64_t all) : d(all), h(all), w(all) {}
  /// Depth, height, then width, as in PyTorch.
  Extent3(int64_t depth, int64_t height, int64_t width) : d(depth), h(height), w(width) {}
  /// Height and width.
  Extent2 plane() const { return {h, w}; }
};

}  // namespace hearth
