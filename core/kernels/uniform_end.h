// The open end of a range that random numbers are drawn from.
#pragma once

#include <cmath>

#include "core/tensor/dtype.h"

namespace hearth {

// The greatest number below the open end `high` that a dtype holds: rounding must not reach the end. low < high.
template <class T>
double last_before(double low, double high) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    T h(static_cast<float>(high));
    while (static_cast<double>(static_cast<float>(h)) >= high) {
      // The next number downwards; below zero magnitudes grow.
      if (h.bits == 0) h.bits = 0x8001;
      else h.bits = static_cast<uint16_t>(h.bits + (h.bits & 0x8000 ? 1 : -1));
    }
    return static_cast<float>(h);
  } else {
    const T h = static_cast<T>(high);
    return static_cast<double>(h) < high ? h : std::nextafter(h, static_cast<T>(low));
  }
}
inline double last_before(DType t, double low, double high) {
  if (!(low < high)) return low;
  switch (t) {
    case DType::kF16:
      return last_before<Half>(low, high);
    case DType::kBF16:
      return last_before<BFloat16>(low, high);
    case DType::kF32:
      return last_before<float>(low, high);
    default:
      return last_before<double>(low, high);
  }
}

}  // namespace hearth
