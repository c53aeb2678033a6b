// Kernels that move values without computing.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void copy(OpCall&);        // operand 0 into the output: any strides and dtypes, broadcast
void fill(OpCall&);        // the number operand 0 into the output
void view_write(OpCall&);  // StridedAttrs: operand 0 with a region replaced by operand 1
void view_add(OpCall&);    // StridedAttrs: operand 0 with operand 1 added to a region, which may overlap itself

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void copy(OpCall&);
[[gnu::weak]] void fill(OpCall&);
[[gnu::weak]] void view_write(OpCall&);
[[gnu::weak]] void view_add(OpCall&);

}  // namespace hearth::cuda
