// Kernels of recursive filters.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::audio::cpu {

void lfilter(OpCall&);  // x, a, b, state or absent -> y, state; f16 and bf16 are computed in f32

}  // namespace hearth::audio::cpu

namespace hearth::audio::cuda {

[[gnu::weak]] void lfilter(OpCall&);

}  // namespace hearth::audio::cuda
