// CPU kernels of the matrix product family.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void matmul(OpCall&);  // [..., m, k] x [..., k, n], leading dimensions broadcast
void linear(OpCall&);  // [..., in], [out, in], [out] or absent

}  // namespace hearth::cpu
