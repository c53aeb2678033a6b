// Walking tensors of any strides line by line.
#pragma once

#include <array>
#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth::cpu {

// Work of one task of kernels that move elements.
constexpr int64_t kGrainBytes = 64 << 10;

// Walks all indices of a shape but dimension `skip`, giving each tensor's offset; f(offsets).
template <int kTensors, class F>
void for_lines(const Shape& shape, int skip, const Strides* const (&strides)[kTensors], int64_t begin, int64_t end,
               F f) {
  for (int64_t line = begin; line < end; ++line) {
    int64_t rest = line, offset[kTensors] = {};
    for (int d = shape.rank(); d-- > 0;) {
      if (d == skip) continue;
      const int64_t i = rest % shape[d];
      rest /= shape[d];
      for (int k = 0; k < kTensors; ++k) offset[k] += i * (*strides[k])[d];
    }
    f(offset);
  }
}

inline int64_t lines_of(const Shape& shape, int skip) {
  int64_t n = 1;
  for (int d = 0; d < shape.rank(); ++d) n *= d == skip ? 1 : shape[d];
  return n;
}

template <class F>
void by_size(const Tensor& t, F f) {
  switch (t.itemsize()) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    case 8:
      return f(uint64_t{});
    default:
      return f(std::array<uint64_t, 2>{});
  }
}

}  // namespace hearth::cpu
