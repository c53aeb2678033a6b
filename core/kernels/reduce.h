// Kernels of reductions. Any strides; sums of f16 and bf16 are rounded once.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void sum(OpCall&);            // ReduceAttrs
void mean(OpCall&);           // ReduceAttrs
void prod(OpCall&);           // ReduceAttrs
void amax(OpCall&);           // ReduceAttrs
void amin(OpCall&);           // ReduceAttrs
void square_sum(OpCall&);     // ReduceAttrs; the sum of the squares
void deviation_sum(OpCall&);  // ReduceAttrs; the sum of the squared deviations from the mean
void logsumexp(OpCall&);      // ReduceAttrs
void any(OpCall&);            // ReduceAttrs
void all(OpCall&);            // ReduceAttrs
void sum_to(OpCall&);         // ShapeAttrs
void argmax(OpCall&);         // ArgAttrs
void argmin(OpCall&);         // ArgAttrs
void max_dim(OpCall&);        // ArgAttrs with a dimension: values and indices
void min_dim(OpCall&);        // ArgAttrs with a dimension: values and indices

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void sum(OpCall&);
[[gnu::weak]] void mean(OpCall&);
[[gnu::weak]] void prod(OpCall&);
[[gnu::weak]] void amax(OpCall&);
[[gnu::weak]] void amin(OpCall&);
[[gnu::weak]] void any(OpCall&);
[[gnu::weak]] void all(OpCall&);
[[gnu::weak]] void sum_to(OpCall&);
[[gnu::weak]] void argmax(OpCall&);
[[gnu::weak]] void argmin(OpCall&);
[[gnu::weak]] void max_dim(OpCall&);
[[gnu::weak]] void min_dim(OpCall&);

}  // namespace hearth::cuda
