// Fused optimizer steps: one pass over a parameter, its gradient and its state.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void sgd_step(OpCall&);   // SgdAttrs: parameter (also the output), gradient, momentum buffer or absent
void adam_step(OpCall&);  // AdamAttrs: parameter (also the output), gradient, first and second moment, largest second
                          // moment or absent

}  // namespace hearth::cpu
