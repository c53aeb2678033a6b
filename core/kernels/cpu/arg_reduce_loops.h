// The loops of argmax and its kin, compiled for each SIMD target.
#pragma once

#include <cstdint>

namespace hearth::cpu {

// Whether v stands before the best so far: it is NaN and the other is not, or greater (kMax) or less.
template <bool kMax, class T>
inline bool beats(T v, T best) {
  return (kMax ? v > best : v < best) || (v != v && best == best);
}

template <class T>
struct ArgReduceLoops {
  // Of n numbers, at least one: the greatest or least, NaN if one is.
  T (*extreme)(const T* x, int64_t n);
  // Row `place` of many, n numbers, each against the best of its column so far.
  void (*columns)(const T* x, int64_t n, int64_t place, T* best, int64_t* places);
};

}  // namespace hearth::cpu
