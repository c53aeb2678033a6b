// Random words for elements: the same numbers as on the CPU (core/tensor/generator.h).
#pragma once

#include "core/kernels/cuda/number.cuh"
#include "core/op/op_call.h"
#include "core/tensor/generator.h"

namespace hearth::cuda {

struct Words {
  uint32_t w[4];
};
// Philox4x32-10 of a counter.
HEARTH_DEVICE Words random_words(const GeneratorState& s, int64_t block) {
  const auto w = philox(s.seed, s.offset + static_cast<uint64_t>(block));
  return {{w[0], w[1], w[2], w[3]}};
}

// Where a launch draws from: a generator's state or, in captured work, counters from a state that each replay writes.
struct Draw {
  GeneratorState state;
  const GeneratorState* base = nullptr;
  HEARTH_DEVICE GeneratorState now() const {
    return base ? GeneratorState{base->seed, base->offset + state.offset} : state;
  }
};
// Takes the counters for `words` words from the call's generator.
Draw draw(const OpCall& c, uint64_t words);

HEARTH_DEVICE float unit24(uint32_t a) { return static_cast<float>(a >> 8) * 0x1p-24f; }
HEARTH_DEVICE double unit53(uint32_t a, uint32_t b) {
  return static_cast<double>((uint64_t{a} << 32 | b) >> 11) * 0x1p-53;
}

// Words that an element takes: of f32 and narrower types one, of f64 two.
template <class T>
constexpr int kWordsOf = sizeof(T) == 8 ? 2 : 1;
// Whether the element whose words these are falls below p.
template <class T>
HEARTH_DEVICE bool below(const uint32_t* w, double p) {
  if constexpr (sizeof(T) == 8) return unit53(w[0], w[1]) < p;
  else return static_cast<double>(w[0]) * 0x1p-32 < p;
}

}  // namespace hearth::cuda
