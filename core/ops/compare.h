/// Elementwise comparison, logic and bits.
///
/// Operands broadcast and their dtypes meet as in arithmetic.h. No gradient passes.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// a == b, as a bool tensor. NaN equals nothing.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, Scalar b);  ///< See above.
Tensor eq(Scalar a, const Tensor& b);  ///< See above.
/// a != b, as a bool tensor. NaN differs from everything, also from NaN.
Tensor ne(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, Scalar b);  ///< See above.
Tensor ne(Scalar a, const Tensor& b);  ///< See above.
/// a < b, as a bool tensor; false beside NaN.
Tensor lt(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, Scalar b);  ///< See above.
Tensor lt(Scalar a, const Tensor& b);  ///< See above.
/// a <= b, as a bool tensor; false beside NaN.
Tensor le(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, Scalar b);  ///< See above.
Tensor le(Scalar a, const Tensor& b);  ///< See above.
/// a > b, as a bool tensor; false beside NaN.
Tensor gt(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, Scalar b);  ///< See above.
Tensor gt(Scalar a, const Tensor& b);  ///< See above.
/// a >= b, as a bool tensor; false beside NaN.
Tensor ge(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, Scalar b);  ///< See above.
Tensor ge(Scalar a, const Tensor& b);  ///< See above.

/// True where both are not 0. The result is bool. NaN is not 0.
Tensor logical_and(const Tensor& a, const Tensor& b);
/// True where at least one is not 0. The result is bool. NaN is not 0.
Tensor logical_or(const Tensor& a, const Tensor& b);
/// True where exactly one is not 0. The result is bool. NaN is not 0.
Tensor logical_xor(const Tensor& a, const Tensor& b);
/// True where x is 0. The result is bool.
Tensor logical_not(const Tensor& x);
/// True where x is NaN, as a bool tensor; false for integers.
Tensor isnan(const Tensor& x);
/// True where x is infinity or -infinity, as a bool tensor; false for integers.
Tensor isinf(const Tensor& x);
/// True where x is neither NaN nor infinite, as a bool tensor; true for integers.
Tensor isfinite(const Tensor& x);

/// a & b of integers or bool. Throws Error for floating-point operands.
Tensor bitwise_and(const Tensor& a, const Tensor& b);
Tensor bitwise_and(const Tensor& a, Scalar b);  ///< See above.
Tensor bitwise_and(Scalar a, const Tensor& b);  ///< See above.
/// a | b of integers or bool. Throws Error for floating-point operands.
Tensor bitwise_or(const Tensor& a, const Tensor& b);
Tensor bitwise_or(const Tensor& a, Scalar b);  ///< See above.
Tensor bitwise_or(Scalar a, const Tensor& b);  ///< See above.
/// a ^ b of integers or bool. Throws Error for floating-point operands.
Tensor bitwise_xor(const Tensor& a, const Tensor& b);
Tensor bitwise_xor(const Tensor& a, Scalar b);  ///< See above.
Tensor bitwise_xor(Scalar a, const Tensor& b);  ///< See above.
/// a << b of integers, wrapping around; 0 for a count outside of 0..63. Throws Error for bool and floating-point
/// operands.
Tensor bitwise_left_shift(const Tensor& a, const Tensor& b);
Tensor bitwise_left_shift(const Tensor& a, Scalar b);  ///< See above.
Tensor bitwise_left_shift(Scalar a, const Tensor& b);  ///< See above.
/// a >> b of integers, keeping the sign; a count outside of 0..63 gives 0 or -1. Throws Error for bool and
/// floating-point operands.
Tensor bitwise_right_shift(const Tensor& a, const Tensor& b);
Tensor bitwise_right_shift(const Tensor& a, Scalar b);  ///< See above.
Tensor bitwise_right_shift(Scalar a, const Tensor& b);  ///< See above.
/// The bits of an integer inverted, or the other truth value. Throws Error for floating-point operands.
Tensor bitwise_not(const Tensor& x);

/// |a - b| <= atol + rtol |b|, elementwise, as a bool tensor. Equal infinities are close; NaN is close to nothing, or
/// with equal_nan to NaN. f16 and bf16 are compared in f32, integers in f64. Throws Error if the dtypes differ.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// True if all elements are close, see isclose(). Throws Error for a meta tensor and while a function is traced.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
/// True if shape and all values are equal; dtypes may differ, and NaN equals nothing. Throws Error for a meta tensor
/// and while a function is traced.
bool equal(const Tensor& a, const Tensor& b);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
extern constinit const OpDef kEq;
extern constinit const OpDef kNe;
extern constinit const OpDef kLt;
extern constinit const OpDef kLe;
extern constinit const OpDef kGt;
extern constinit const OpDef kGe;
extern constinit const OpDef kLogicalAnd;
extern constinit const OpDef kLogicalOr;
extern constinit const OpDef kLogicalXor;
extern constinit const OpDef kLogicalNot;
extern constinit const OpDef kIsnan;
extern constinit const OpDef kIsinf;
extern constinit const OpDef kIsfinite;
extern constinit const OpDef kBitwiseAnd;
extern constinit const OpDef kBitwiseOr;
extern constinit const OpDef kBitwiseXor;
extern constinit const OpDef kBitwiseNot;
extern constinit const OpDef kBitwiseLeftShift;
extern constinit const OpDef kBitwiseRightShift;

}  // namespace hearth
