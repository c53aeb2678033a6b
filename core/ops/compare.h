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
/// (a, b) -> a == b as bool. One of the two may be a number.
extern constinit const OpDef kEq;
/// (a, b) -> a != b as bool. One of the two may be a number.
extern constinit const OpDef kNe;
/// (a, b) -> a < b as bool. One of the two may be a number.
extern constinit const OpDef kLt;
/// (a, b) -> a <= b as bool. One of the two may be a number.
extern constinit const OpDef kLe;
/// (a, b) -> a > b as bool. One of the two may be a number.
extern constinit const OpDef kGt;
/// (a, b) -> a >= b as bool. One of the two may be a number.
extern constinit const OpDef kGe;
/// (a, b) -> logical_and(a, b).
extern constinit const OpDef kLogicalAnd;
/// (a, b) -> logical_or(a, b).
extern constinit const OpDef kLogicalOr;
/// (a, b) -> logical_xor(a, b).
extern constinit const OpDef kLogicalXor;
/// x -> logical_not(x).
extern constinit const OpDef kLogicalNot;
/// x -> isnan(x); floating-point only.
extern constinit const OpDef kIsnan;
/// x -> isinf(x); floating-point only.
extern constinit const OpDef kIsinf;
/// x -> isfinite(x); floating-point only.
extern constinit const OpDef kIsfinite;
/// (a, b) -> bitwise_and(a, b). One of the two may be a number.
extern constinit const OpDef kBitwiseAnd;
/// (a, b) -> bitwise_or(a, b). One of the two may be a number.
extern constinit const OpDef kBitwiseOr;
/// (a, b) -> bitwise_xor(a, b). One of the two may be a number.
extern constinit const OpDef kBitwiseXor;
/// x -> the bits of x inverted; not for bool, of which bitwise_not() calls kLogicalNot.
extern constinit const OpDef kBitwiseNot;
/// (a, b) -> bitwise_left_shift(a, b). One of the two may be a number.
extern constinit const OpDef kBitwiseLeftShift;
/// (a, b) -> bitwise_right_shift(a, b). One of the two may be a number.
extern constinit const OpDef kBitwiseRightShift;

}  // namespace hearth
