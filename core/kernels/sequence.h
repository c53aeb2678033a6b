// Kernels that write a row of numbers, cast to the output's dtype. The output is row-major.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void arange(OpCall&);    // operand 0 + i * operand 1: exactly if both are whole numbers, else in f64
void linspace(OpCall&);  // as many as the output has, from operand 0 to operand 1, in f64
void size(OpCall&);      // DimAttrs: the size of a dimension of operand 0

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void arange(OpCall&);
[[gnu::weak]] void linspace(OpCall&);
[[gnu::weak]] void size(OpCall&);

}  // namespace hearth::cuda
