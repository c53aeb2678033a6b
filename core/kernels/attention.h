// Kernels of scaled dot product attention.
#pragma once

namespace hearth {
struct OpCall;
}  // namespace hearth

namespace hearth::cpu {

/// AttentionAttrs: q, k, v, mask or nothing -> y, the log-sum-exp of each row, the state of the generator before the
/// dropout (seed and offset; no elements without dropout), y before it was rounded to 16 bits.
void attention(OpCall&);
/// AttentionGradAttrs: dy, q, k, v, y before rounding, log-sum-exp, mask or nothing, generator state -> dq, dk, dv,
/// dmask.
void attention_grad(OpCall&);

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void attention(OpCall&);
[[gnu::weak]] void attention_grad(OpCall&);

}  // namespace hearth::cuda
