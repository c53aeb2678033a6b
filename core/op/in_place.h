// What run() checks before an op writes into memory that was there before it.
#pragma once

#include "core/op/op_call.h"

namespace hearth {

// Of an op that changes its operands (OpDef::row, writes): those that are written may be, and share no element with
// another operand. Throws Error.
void check_rows(const OpCall& c);

// Of an op that writes its result into a given tensor (OpCall::bound): it may be written, and no operand is read from
// it after that. Throws Error.
void check_bound(const OpCall& c);

}  // namespace hearth
