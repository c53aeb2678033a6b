// CPU kernels that move values without computing.
#pragma once

namespace hearth {
struct OpCall;
class Tensor;
}  // namespace hearth

namespace hearth::cpu {

void copy(OpCall&);        // operand 0 into the output: any strides and dtypes, broadcast
void fill(OpCall&);        // the number operand 0 into the output
void view_write(OpCall&);  // StridedAttrs: operand 0 with a region replaced by operand 1
void view_add(OpCall&);    // StridedAttrs: operand 0 with operand 1 added to a region, which may overlap itself

// `from` into `to`, of one shape; elements are cast to to's dtype.
void copy_tensor(const Tensor& to, const Tensor& from);

}  // namespace hearth::cpu
