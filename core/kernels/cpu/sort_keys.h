// Keys: unsigned numbers in the order of a dtype's values.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/tensor/half.h"

namespace hearth::cpu {

// The unsigned type of T's size.
template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

// key(a) < key(b) if a comes before b in rising order. Zeros of both signs have one key; all NaNs have the greatest.
template <class T>
Bits<T> sort_key(T v) {
  using B = Bits<T>;
  constexpr B kSign = static_cast<B>(B{1} << (8 * sizeof(T) - 1));
  if constexpr (std::is_same_v<T, bool>) {
    return v ? 1 : 0;
  } else if constexpr (std::is_unsigned_v<T>) {
    return v;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<B>(static_cast<B>(v) ^ kSign);
  } else {
    // The sign is the last bit of every format, and the exponent stands above the fraction.
    constexpr B kInfinity = [] {
      if constexpr (std::is_same_v<T, Half>) return B{0x7c00};
      else if constexpr (std::is_same_v<T, BFloat16>) return B{0x7f80};
      else return std::bit_cast<B>(std::numeric_limits<T>::infinity());
    }();
    const B bits = std::bit_cast<B>(v), magnitude = static_cast<B>(bits & static_cast<B>(~kSign));
    if (magnitude > kInfinity) return static_cast<B>(~B{0});
    if (magnitude == 0) return kSign;
    return bits & kSign ? static_cast<B>(~bits) : static_cast<B>(bits | kSign);
  }
}

}  // namespace hearth::cpu
