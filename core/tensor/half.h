// The two 16-bit floating-point storage types: IEEE 754 binary16 and bfloat16. They hold and convert; arithmetic is
// done in float.
#pragma once

#include <bit>
#include <cstdint>

namespace hearth {

/// A bfloat16 number: the upper 16 bits of an IEEE 754 binary32 (1 bit of sign, 8 of exponent, 7 of mantissa).
struct BFloat16 {
  /// The bit pattern.
  uint16_t bits = 0;
  /// Zero.
  BFloat16() = default;
  /// Rounds to nearest, ties to even. Overflow gives infinity; NaN gives a quiet NaN.
  explicit BFloat16(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>((u >> 16) | 0x40u)
                                           : static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  /// The same value as a float. Exact.
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// An IEEE 754 binary16 number (1 bit of sign, 5 of exponent, 10 of mantissa), with subnormal numbers.
struct Half {
  /// The bit pattern.
  uint16_t bits = 0;
  /// Zero.
  Half() = default;
  /// Rounds to nearest, ties to even. Overflow gives infinity; NaN gives a quiet NaN.
  explicit Half(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    const uint32_t sign = (u >> 16) & 0x8000u;
    const uint32_t a = u & 0x7fffffffu;
    if (a > 0x7f800000u) {
      bits = static_cast<uint16_t>(sign | 0x7e00u | ((a >> 13) & 0x1ffu));
    } else if (a >= 0x47800000u) {
      bits = static_cast<uint16_t>(sign | 0x7c00u);
    } else if (a < 0x38800000u) {
      // Denormal: adding 0.5 shifts the mantissa so that the FPU rounds at the right bit.
      const float shifted = std::bit_cast<float>(a) + 0.5f;
      bits = static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
    } else {
      bits = static_cast<uint16_t>(sign | ((a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13));
    }
  }
  /// The same value as a float. Exact.
  explicit operator float() const {
    const uint32_t sign = (bits & 0x8000u) << 16, e = (bits >> 10) & 0x1fu, m = bits & 0x3ffu;
    if (e == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (m << 13));
    if (e == 0) {
      const float f = static_cast<float>(m) * 0x1p-24f;
      return sign ? -f : f;
    }
    return std::bit_cast<float>(sign | ((e + 112u) << 23) | (m << 13));
  }
};

}  // namespace hearth
