// Conversions of f16 and bf16, for the emulated libraries.
#pragma once

#include <bit>
#include <cstdint>

namespace cuda_emulated {

inline double of_half(uint16_t v) { return static_cast<double>(std::bit_cast<_Float16>(v)); }
inline uint16_t to_half(double v) { return std::bit_cast<uint16_t>(static_cast<_Float16>(static_cast<float>(v))); }
inline double of_bfloat16(uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); }
inline uint16_t to_bfloat16(double v) {
  const uint32_t u = std::bit_cast<uint32_t>(static_cast<float>(v));
  return static_cast<uint16_t>(v != v ? 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

}  // namespace cuda_emulated
