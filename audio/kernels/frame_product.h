// Kernel of the product of frames and a matrix.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::audio::cpu {

void frame_product(OpCall&);  // x [..., n], matrix [n, m] -> y [..., m]; f16 and bf16 are computed in f32

}  // namespace hearth::audio::cpu

namespace hearth::audio::cuda {

[[gnu::weak]] void frame_product(OpCall&);

}  // namespace hearth::audio::cuda
