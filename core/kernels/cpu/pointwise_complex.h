// The complex bodies of the lists' FC and AC ops.
#pragma once

#include "core/op/op_call.h"

namespace hearth::cpu::complex {

void add(OpCall&);
void sub(OpCall&);
void mul(OpCall&);
void div(OpCall&);
void neg(OpCall&);
void abs(OpCall&);
void square(OpCall&);
void exp(OpCall&);
void where(OpCall&);
void eq(OpCall&);
void ne(OpCall&);

}  // namespace hearth::cpu::complex

// For a family's kernels: the way to the complex bodies, by the list's types.
#define HEARTH_COMPLEX_A(name)
#define HEARTH_COMPLEX_F(name)
#define HEARTH_COMPLEX_I(name)
#define HEARTH_COMPLEX_AC(name)         \
  if (is_complex(c.dtype)) [[unlikely]] \
    return complex::name(c);
#define HEARTH_COMPLEX_FC(name) HEARTH_COMPLEX_AC(name)
