// Kernel of padding. Any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void pad(OpCall&);  // PadAttrs: x -> y

}  // namespace hearth::cpu
