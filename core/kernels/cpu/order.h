// CPU kernels that compare elements with one another.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void isin(OpCall&);  // x, what is looked through

}  // namespace hearth::cpu
