// For kernels that move elements without looking at them: a type of each size.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth::cuda {

struct alignas(16) Item16 {
  uint64_t half[2];
};

// f.operator()<Item>() with a type of as many bytes as an element has.
template <class F>
void by_size(size_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f.template operator()<uint8_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 4:
      return f.template operator()<uint32_t>();
    case 8:
      return f.template operator()<uint64_t>();
    default:
      return f.template operator()<Item16>();
  }
}

}  // namespace hearth::cuda
