// The arithmetic of a call. For files of this package only.
#pragma once

#include <cstdint>

#include "core/op/op_call.h"

namespace hearth {

// Floating-point operations of a call that has run; 0 for all ops but products.
int64_t flops_of(const OpCall& call);

}  // namespace hearth
