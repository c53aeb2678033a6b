// Kernels of resampling.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::audio::cpu {

void resample(OpCall&);  // x, filter -> y, with ResampleAttrs; f16 and bf16 are computed in f32

}  // namespace hearth::audio::cpu

namespace hearth::audio::cuda {

[[gnu::weak]] void resample(OpCall&);

}  // namespace hearth::audio::cuda
