/// Sizes in two dimensions, as arguments of convolution and pooling.
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

}  // namespace hearth
