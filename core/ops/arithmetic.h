// Elementwise arithmetic.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Binary ops broadcast, promote as PyTorch does, and take a number in the place of either tensor.
#define HEARTH_BINARY(name)                      \
  Tensor name(const Tensor& a, const Tensor& b); \
  Tensor name(const Tensor& a, Scalar b);        \
  Tensor name(Scalar a, const Tensor& b);
HEARTH_BINARY(add)
HEARTH_BINARY(sub)
HEARTH_BINARY(mul)
HEARTH_BINARY(div)           // integers give f32
HEARTH_BINARY(true_divide)   // div by another name
HEARTH_BINARY(floor_divide)  // rounded downwards
HEARTH_BINARY(remainder)     // has the divisor's sign
HEARTH_BINARY(fmod)          // has the dividend's sign
HEARTH_BINARY(pow)
HEARTH_BINARY(maximum)  // NaN if either is; at a tie each side gets half the gradient
HEARTH_BINARY(minimum)
#undef HEARTH_BINARY
// The quotient cut to an integer, towards zero or downwards; the dtypes meet as for add.
enum class Rounding : uint8_t { kTrunc, kFloor };
Tensor div(const Tensor& a, const Tensor& b, Rounding rounding);
Tensor div(const Tensor& a, Scalar b, Rounding rounding);
// a + alpha * b
Tensor add(const Tensor& a, const Tensor& b, Scalar alpha);
Tensor sub(const Tensor& a, const Tensor& b, Scalar alpha);

Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);  // -1, 0 or 1
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  // 1 / sqrt(x)
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor trunc(const Tensor& x);
Tensor round(const Tensor& x);  // ties to even
// To `decimals` digits after the point, or for a negative number before it.
Tensor round(const Tensor& x, int64_t decimals);
Tensor frac(const Tensor& x);  // x - trunc(x)

// Values outside of [min, max] become the bound, that of max if min > max. At least one bound must be given.
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt);
Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max);
// a where condition (bool) is true, else b.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, Scalar b);
Tensor where(const Tensor& condition, Scalar a, const Tensor& b);
Tensor where(const Tensor& condition, Scalar a, Scalar b);
// start + weight * (end - start)
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);
Tensor lerp(const Tensor& start, const Tensor& end, Scalar weight);
// x + value * a * b, and x + value * a / b
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
// NaN and infinities replaced; the largest and smallest finite values of the dtype where none is given.
Tensor nan_to_num(const Tensor& x, double nan = 0.0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});

extern constinit const OpDef kSub, kDiv, kFloorDivide, kTruncDivide, kRemainder, kFmod, kPow, kMaximum, kMinimum, kNeg,
    kAbs, kSign, kSquare, kReciprocal, kSqrt, kRsqrt, kFloor, kCeil, kTrunc, kRound, kFrac, kClamp, kWhere, kLerp,
    kAddcmul, kAddcdiv, kNanToNum;

}  // namespace hearth
