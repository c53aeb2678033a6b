/// Elementwise arithmetic.
///
/// Operands broadcast: trailing dimensions are matched, and a size of 1 stretches. Throws Error if shapes do not
/// broadcast or tensors are on different devices; a 0-dim CPU tensor may stand beside tensors of another device.
///
/// Dtypes meet as in PyTorch. Tensors with dimensions decide first, then 0-dim tensors, then numbers; the latter two
/// change the result only if their kind is higher (bool < integers < floats): i32 + 1 is i32, i32 + 1.0 is f32, f16
/// + 1.0 is f16. Where a function says "integers give f32", bool does too. f16 and bf16 are computed in f32, integers
/// in i64; the result is rounded, or wraps around, once. An undefined operand, or a dtype that a function does not
/// take, throws Error.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// a + b. Of two bool tensors: a or b.
Tensor add(const Tensor& a, const Tensor& b);
Tensor add(const Tensor& a, Scalar b);  ///< See above.
Tensor add(Scalar a, const Tensor& b);  ///< See above.
/// a + alpha b; of f16 and bf16 rounded once.
Tensor add(const Tensor& a, const Tensor& b, Scalar alpha);
/// a - b. Not for two bool operands.
Tensor sub(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, Scalar b);  ///< See above.
Tensor sub(Scalar a, const Tensor& b);  ///< See above.
/// a - alpha b; of f16 and bf16 rounded once.
Tensor sub(const Tensor& a, const Tensor& b, Scalar alpha);
/// a b. Of two bool tensors: a and b.
Tensor mul(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, Scalar b);  ///< See above.
Tensor mul(Scalar a, const Tensor& b);  ///< See above.
/// a / b. Integers give f32. A floating-point division by 0 gives an infinity or NaN.
Tensor div(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, Scalar b);  ///< See above.
Tensor div(Scalar a, const Tensor& b);  ///< See above.
/// How div() makes a quotient an integer.
enum class Rounding : uint8_t {
  kTrunc,  ///< Towards zero. PyTorch: rounding_mode="trunc".
  kFloor,  ///< Downwards. PyTorch: rounding_mode="floor".
};
/// a / b, rounded to an integer. Unlike div() without rounding, integers stay integers. Throws Error for an integer
/// division by 0. The gradient is 0 for floating-point operands.
Tensor div(const Tensor& a, const Tensor& b, Rounding rounding);
Tensor div(const Tensor& a, Scalar b, Rounding rounding);  ///< See above.
/// div() by another name.
Tensor true_divide(const Tensor& a, const Tensor& b);
Tensor true_divide(const Tensor& a, Scalar b);  ///< See above.
Tensor true_divide(Scalar a, const Tensor& b);  ///< See above.
/// a / b, rounded downwards. Integers stay integers. Not for two bool operands. Throws Error for an integer division by
/// 0. The gradient is 0.
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor floor_divide(const Tensor& a, Scalar b);  ///< See above.
Tensor floor_divide(Scalar a, const Tensor& b);  ///< See above.
/// a - b floor(a / b): the remainder with the sign of b, Python's a % b. Integers stay integers. Not for two bool
/// operands. Throws Error for an integer division by 0. The gradient is 1 for a and -floor(a / b) for b.
Tensor remainder(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, Scalar b);  ///< See above.
Tensor remainder(Scalar a, const Tensor& b);  ///< See above.
/// a - b trunc(a / b): the remainder with the sign of a, C's fmod. Integers stay integers. Not for two bool operands.
/// Throws Error for an integer division by 0. The gradient is 1 for a and -trunc(a / b) for b.
Tensor fmod(const Tensor& a, const Tensor& b);
Tensor fmod(const Tensor& a, Scalar b);  ///< See above.
Tensor fmod(Scalar a, const Tensor& b);  ///< See above.
/// a^b. Integers stay integers and wrap around. Not for two bool operands. Throws Error if an integer tensor is raised
/// to a negative integer number; by a tensor of negative integers the result is cut to 0 (1 or -1 for a base of 1 or
/// -1). The gradient of a is 0 where b is 0, that of b is 0 where a is 0 and b is at least 0.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, Scalar b);  ///< See above.
Tensor pow(Scalar a, const Tensor& b);  ///< See above.
/// The greater of a and b; NaN if either is NaN. Where both are equal each gets half of the gradient; where one is NaN
/// both get the whole.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, Scalar b);  ///< See above.
Tensor maximum(Scalar a, const Tensor& b);  ///< See above.
/// The smaller of a and b; NaN if either is NaN. Where both are equal each gets half of the gradient; where one is NaN
/// both get the whole.
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, Scalar b);  ///< See above.
Tensor minimum(Scalar a, const Tensor& b);  ///< See above.

/// -x. Not for bool.
Tensor neg(const Tensor& x);
/// |x|. Not for bool. The gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// -1, 0 or 1; NaN of NaN. The gradient is 0.
Tensor sign(const Tensor& x);
/// x x. Not for bool.
Tensor square(const Tensor& x);
/// 1 / x. Integers give f32.
Tensor reciprocal(const Tensor& x);
/// The square root; NaN of a negative number. Integers give f32.
Tensor sqrt(const Tensor& x);
/// 1 / sqrt(x). Integers give f32.
Tensor rsqrt(const Tensor& x);
/// The greatest integer that is at most x, in x's dtype. Not for bool. The gradient is 0.
Tensor floor(const Tensor& x);
/// The smallest integer that is at least x, in x's dtype. Not for bool. The gradient is 0.
Tensor ceil(const Tensor& x);
/// x rounded towards zero to an integer, in x's dtype. Not for bool. The gradient is 0.
Tensor trunc(const Tensor& x);
/// The nearest integer, the even one of two, in x's dtype. Not for bool. The gradient is 0.
Tensor round(const Tensor& x);
/// x rounded to `decimals` digits after the point, or for a negative number before it. Floating-point only. f16 and
/// bf16 are computed in f64.
Tensor round(const Tensor& x, int64_t decimals);
/// x - trunc(x). Floating-point only.
Tensor frac(const Tensor& x);

/// min(max(x, min), max): x limited to [min, max]. If min > max the result is max everywhere; NaN stays NaN. Not for
/// bool. Throws Error if neither bound is given. The gradient is 0 unless x lies strictly between the bounds; an
/// infinite bound counts as none.
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt);
/// The same with bounds for each element, which broadcast; an undefined tensor is no bound: clamp(x, {}, most). Bounds
/// get the gradient where they decide; where x is equal to a bound both get half of it.
Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max);
/// clamp() with a lower bound alone.
Tensor clamp_min(const Tensor& x, Scalar min);
Tensor clamp_min(const Tensor& x, const Tensor& min);  ///< The same with a bound for each element.
/// clamp() with an upper bound alone.
Tensor clamp_max(const Tensor& x, Scalar max);
Tensor clamp_max(const Tensor& x, const Tensor& max);  ///< The same with a bound for each element.
/// a where the bool tensor `condition` is true, else b. All three broadcast; a and b meet in one dtype. Throws Error if
/// the condition is not bool, or if a number does not fit into the dtype of the other operand.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, Scalar b);  ///< See above.
Tensor where(const Tensor& condition, Scalar a, const Tensor& b);  ///< See above.
Tensor where(const Tensor& condition, Scalar a, Scalar b);         ///< See above.
/// start + weight (end - start). Floating-point only.
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);
Tensor lerp(const Tensor& start, const Tensor& end, Scalar weight);  ///< See above.
/// x + value a b. Not for bool.
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
/// x + value a / b. Floating-point only.
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value = 1);
/// x with NaN replaced by `nan`, infinity by `posinf` and -infinity by `neginf`; where these are not given, by the
/// greatest and smallest finite numbers of the dtype. Integers and bool are copied. The gradient is 0 where an element
/// was replaced.
Tensor nan_to_num(const Tensor& x, double nan = 0.0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (a, b) -> a - b. One of the two may be a number.
extern constinit const OpDef kSub;
/// (a, b) -> a / b. One of the two may be a number.
extern constinit const OpDef kDiv;
/// (a, b) -> a / b, rounded downwards. One of the two may be a number.
extern constinit const OpDef kFloorDivide;
/// (a, b) -> a / b, rounded towards zero; floating-point only. div() with Rounding::kTrunc calls it. One of the two may
/// be a number.
extern constinit const OpDef kTruncDivide;
/// (a, b) -> remainder(a, b). One of the two may be a number.
extern constinit const OpDef kRemainder;
/// (a, b) -> fmod(a, b). One of the two may be a number.
extern constinit const OpDef kFmod;
/// (a, b) -> a^b. One of the two may be a number.
extern constinit const OpDef kPow;
/// (a, b) -> maximum(a, b). One of the two may be a number.
extern constinit const OpDef kMaximum;
/// (a, b) -> minimum(a, b). One of the two may be a number.
extern constinit const OpDef kMinimum;
/// x -> -x.
extern constinit const OpDef kNeg;
/// x -> |x|.
extern constinit const OpDef kAbs;
/// x -> sign(x).
extern constinit const OpDef kSign;
/// x -> x x.
extern constinit const OpDef kSquare;
/// x -> 1 / x.
extern constinit const OpDef kReciprocal;
/// x -> sqrt(x).
extern constinit const OpDef kSqrt;
/// x -> 1 / sqrt(x).
extern constinit const OpDef kRsqrt;
/// x -> floor(x).
extern constinit const OpDef kFloor;
/// x -> ceil(x).
extern constinit const OpDef kCeil;
/// x -> trunc(x).
extern constinit const OpDef kTrunc;
/// x -> round(x), to an integer.
extern constinit const OpDef kRound;
/// x -> frac(x).
extern constinit const OpDef kFrac;
/// (x, min, max) -> clamp(x, min, max). The bounds are numbers or tensors; an infinite number stands for a bound that
/// is not given, of integers the least or greatest i64.
extern constinit const OpDef kClamp;
/// (condition, a, b) -> where(condition, a, b). a and b are tensors or numbers.
extern constinit const OpDef kWhere;
/// (start, end, weight) -> lerp(start, end, weight). The weight is a tensor or a number.
extern constinit const OpDef kLerp;
/// (x, a, b, value) -> x + value a b. The value is a number.
extern constinit const OpDef kAddcmul;
/// (x, a, b, value) -> x + value a / b. The value is a number.
extern constinit const OpDef kAddcdiv;
/// (x, nan, posinf, neginf) -> x with NaN and infinities replaced by these numbers.
extern constinit const OpDef kNanToNum;

}  // namespace hearth
