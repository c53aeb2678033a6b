// Pooling over the last two dimensions of [n, c, h, w]. f32 and f64; f16 and bf16 are computed in f32.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void max_pool2d(OpCall& call);
void max_pool2d_grad(OpCall& call);
void avg_pool2d(OpCall& call);
void avg_pool2d_grad(OpCall& call);

}  // namespace hearth::cpu
