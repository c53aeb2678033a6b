// Elementwise comparison, logic and bits.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Comparisons broadcast and give bool tensors; no gradient passes.
#define HEARTH_COMPARE(name)                     \
  Tensor name(const Tensor& a, const Tensor& b); \
  Tensor name(const Tensor& a, Scalar b);        \
  Tensor name(Scalar a, const Tensor& b);
HEARTH_COMPARE(eq)
HEARTH_COMPARE(ne)
HEARTH_COMPARE(lt)
HEARTH_COMPARE(le)
HEARTH_COMPARE(gt)
HEARTH_COMPARE(ge)
#undef HEARTH_COMPARE

// Logic on "not zero"; gives bool.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);

// On integers and bool.
#define HEARTH_BITWISE(name)                     \
  Tensor name(const Tensor& a, const Tensor& b); \
  Tensor name(const Tensor& a, Scalar b);        \
  Tensor name(Scalar a, const Tensor& b);
HEARTH_BITWISE(bitwise_and)
HEARTH_BITWISE(bitwise_or)
HEARTH_BITWISE(bitwise_xor)
HEARTH_BITWISE(bitwise_left_shift)   // a count outside of 0..63 gives 0
HEARTH_BITWISE(bitwise_right_shift)  // keeps the sign
#undef HEARTH_BITWISE
Tensor bitwise_not(const Tensor& x);

// |a - b| <= atol + rtol |b|, elementwise; equal infinities are close.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
// Same shape and values.
bool equal(const Tensor& a, const Tensor& b);

extern constinit const OpDef kEq, kNe, kLt, kLe, kGt, kGe, kLogicalAnd, kLogicalOr, kLogicalXor, kLogicalNot, kIsnan,
    kIsinf, kIsfinite, kBitwiseAnd, kBitwiseOr, kBitwiseXor, kBitwiseNot, kBitwiseLeftShift, kBitwiseRightShift;

}  // namespace hearth
