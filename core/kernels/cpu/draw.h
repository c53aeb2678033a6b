// Random words for elements, the same for any number of threads.
#pragma once

#include "core/tensor/generator.h"

namespace hearth::cpu {

inline double unit53(uint32_t a, uint32_t b) { return static_cast<double>((uint64_t{a} << 32 | b) >> 11) * 0x1p-53; }

// Calls f(i, words) for i in [begin, end): kWords words each, from counter offset + i * kWords / 4.
template <int kWords, class F>
void draw(const GeneratorState& s, int64_t begin, int64_t end, F f) {
  constexpr int64_t per = 4 / kWords;
  for (int64_t i = begin; i < end;) {
    const auto w = philox(s.seed, s.offset + static_cast<uint64_t>(i / per));
    for (int64_t k = i % per; k < per && i < end; ++k, ++i) f(i, w.data() + k * kWords);
  }
}

// Whether the element whose words these are falls below p: f32 and narrower types take one word, f64 two.
template <class T>
constexpr int kWordsOf = sizeof(T) == 8 ? 2 : 1;
template <class T>
bool below(const uint32_t* w, double p) {
  if constexpr (sizeof(T) == 8) return unit53(w[0], w[1]) < p;
  else return static_cast<double>(w[0]) * 0x1p-32 < p;
}

}  // namespace hearth::cpu
