#include "core/tensor/shape.h"

#include <algorithm>

#include "core/base/error.h"

namespace hearth {

uint8_t Dims::checked(size_t rank) {
  HEARTH_CHECK(rank <= kMaxRank, "tensors have at most ", kMaxRank, " dimensions, but ", rank, " were given");
  return static_cast<uint8_t>(rank);
}

void Dims::insert(int at, int64_t v) {
  push_back(v);
  std::rotate(begin() + at, end() - 1, end());
}

void Dims::erase(int at) {
  std::copy(begin() + at + 1, end(), begin() + at);
  --rank_;
}

std::string to_string(const Dims& d) {
  std::string out = "[";
  for (int i = 0; i < d.rank(); ++i) {
    if (i) out += ", ";
    out += std::to_string(d[i]);
  }
  return out + "]";
}

Strides contiguous_strides(const Shape& shape) {
  Strides s = shape;
  uint64_t step = 1;
  for (int i = shape.rank(); i-- > 0;) {
    s[i] = static_cast<int64_t>(step);
    step *= static_cast<uint64_t>(std::max<int64_t>(shape[i], 1));
  }
  return s;
}

Strides channels_last_strides(const Shape& shape) {
  HEARTH_CHECK(shape.rank() == 4, "channels-last needs a tensor of 4 dimensions, but the shape is ", shape);
  auto at_least_one = [&](int i) { return static_cast<uint64_t>(std::max<int64_t>(shape[i], 1)); };
  const uint64_t c = at_least_one(1), w = at_least_one(3), h = at_least_one(2);
  return {static_cast<int64_t>(h * w * c), 1, static_cast<int64_t>(w * c), static_cast<int64_t>(c)};
}

int wrap_dim(int64_t dim, int rank, const char* op) {
  const int64_t r = std::max(rank, 1);
  HEARTH_CHECK(dim >= -r && dim < r, op, ": dimension ", dim, " is out of range for a tensor of ", rank, " dimensions");
  return static_cast<int>(dim < 0 ? dim + r : dim);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape out = longer;
  const int shift = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const int64_t x = longer[i + shift], y = shorter[i];
    if (x == y || y == 1) continue;
    HEARTH_CHECK(x == 1, op, ": shapes ", a, " and ", b, " do not broadcast: sizes ", a[a.rank() - shorter.rank() + i],
                 " and ", b[b.rank() - shorter.rank() + i], " differ in dimension ", i + shift, " and neither is 1");
    out[i + shift] = y;
  }
  return out;
}

bool broadcastable_to(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  const int shift = to.rank() - from.rank();
  for (int i = 0; i < from.rank(); ++i) {
    if (from[i] != to[i + shift] && from[i] != 1) return false;
  }
  return true;
}

int64_t checked_numel(const Shape& shape, size_t itemsize, const char* op) {
  int64_t n = 1, bytes = static_cast<int64_t>(itemsize);
  bool zero = false;
  for (int64_t d : shape) {
    HEARTH_CHECK(d >= 0, op, ": sizes must not be negative, but the shape is ", shape);
    if (d == 0) {
      zero = true;
    } else if (__builtin_mul_overflow(n, d, &n) || __builtin_mul_overflow(bytes, d, &bytes)) {
      fail(op, ": a tensor of shape ", shape, " is too large: its size in bytes does not fit in 63 bits");
    }
  }
  return zero ? 0 : n;
}

}  // namespace hearth
