// What the room's records and kernels know of images. For .cc files of vision/ops and vision/kernels only.
#pragma once

#include "core/base/error.h"
#include "core/tensor/tensor.h"

namespace hearth::vision {

// Largest height or width: places along it are exact in every arithmetic used.
constexpr int64_t kMaxSide = int64_t{1} << 24;

// Throws in the op's name unless x is [c, h, w] or [n, c, h, w].
inline void expect_image(const char* op, const Shape& x) {
  HEARTH_CHECK(x.rank() == 3 || x.rank() == 4, op, ": expected an image [c, h, w] or [n, c, h, w], but its shape is ",
               x);
}
inline int64_t height(const Shape& x) { return x[x.rank() - 2]; }
inline int64_t width(const Shape& x) { return x[x.rank() - 1]; }
inline int64_t channels(const Shape& x) { return x[x.rank() - 3]; }

// x with other sides. Throws in the op's name unless each is 1 to kMaxSide.
inline Shape with_sides(const char* op, Shape x, int64_t h, int64_t w) {
  HEARTH_CHECK(h >= 1 && w >= 1 && h <= kMaxSide && w <= kMaxSide, op, ": the result's height and width must be 1 to ",
               kMaxSide, ", but are ", h, " and ", w);
  x[x.rank() - 2] = h;
  x[x.rank() - 1] = w;
  return x;
}

// Where a crop of `size` of n pixels begins: below 0 if it is larger.
inline int64_t center(int64_t n, int64_t size) {
  const int64_t room = n - size;
  if (room < 0) return -(-room / 2);
  const int64_t half = room / 2;
  return room % 2 == 0 ? half : half + half % 2;
}

}  // namespace hearth::vision
