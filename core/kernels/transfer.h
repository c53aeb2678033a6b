// The kernel that moves a tensor between devices.
#pragma once

namespace hearth {

struct OpCall;

// Operand 0 into the output, which has its dtype and strides and may be on another device. One for all devices: the
// copy itself is what a device's backend brings with it.
void transfer(OpCall&);

}  // namespace hearth
