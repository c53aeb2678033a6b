// What each elementwise op computes, once for every target: V is a SIMD register on the CPU (cpu/vec-inl.h).
//
// The lists at the end name each op with its number of operands and the types it is computed in: F (f32, f64), A (those
// and i64), I (i64). Comparisons give 1 or 0. Included again for each SIMD target, inside its namespace; with
// HEARTH_POINTWISE_LISTS_ONLY defined it is the lists alone.
#ifndef HEARTH_POINTWISE_LISTS_ONLY
#if defined(HEARTH_KERNELS_POINTWISE_FUNCTORS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_POINTWISE_FUNCTORS_H_
#undef HEARTH_KERNELS_POINTWISE_FUNCTORS_H_
#else
#define HEARTH_KERNELS_POINTWISE_FUNCTORS_H_
#endif

#include "core/kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

#define HEARTH_FUNCTOR_1(Name, ...)      \
  struct Name {                          \
    template <class V>                   \
    HWY_INLINE V operator()(V x) const { \
      __VA_ARGS__                        \
    }                                    \
  };
#define HEARTH_FUNCTOR_2(Name, ...)           \
  struct Name {                               \
    template <class V>                        \
    HWY_INLINE V operator()(V a, V b) const { \
      __VA_ARGS__                             \
    }                                         \
  };
#define HEARTH_FUNCTOR_3(Name, ...)                \
  struct Name {                                    \
    template <class V>                             \
    HWY_INLINE V operator()(V a, V b, V c) const { \
      __VA_ARGS__                                  \
    }                                              \
  };
#define HEARTH_FUNCTOR_4(Name, ...)                     \
  struct Name {                                         \
    template <class V>                                  \
    HWY_INLINE V operator()(V a, V b, V c, V d) const { \
      __VA_ARGS__                                       \
    }                                                   \
  };

// ---- arithmetic
HEARTH_FUNCTOR_2(Add, return a + b;)
HEARTH_FUNCTOR_2(Sub, return a - b;)
HEARTH_FUNCTOR_2(Mul, return a * b;)
HEARTH_FUNCTOR_2(Div, return a / b;)
HEARTH_FUNCTOR_2(FloorDivide, return floor_divide(a, b);)
HEARTH_FUNCTOR_2(TruncDivide, return trunc(a / b);)
HEARTH_FUNCTOR_2(Remainder, return remainder(a, b);)
HEARTH_FUNCTOR_2(Fmod, return fmod(a, b);)
HEARTH_FUNCTOR_2(Pow, return pow(a, b);)
HEARTH_FUNCTOR_2(Maximum, return max(a, b);)
HEARTH_FUNCTOR_2(Minimum, return min(a, b);)
HEARTH_FUNCTOR_1(Neg, return -x;)
HEARTH_FUNCTOR_1(Abs, return abs(x);)
HEARTH_FUNCTOR_1(Sign, return select(isnan(x), x, ones(x > V(0)) - ones(x < V(0)));)
HEARTH_FUNCTOR_1(Square, return x * x;)
HEARTH_FUNCTOR_1(Reciprocal, return V(1) / x;)
HEARTH_FUNCTOR_1(Sqrt, return sqrt(x);)
HEARTH_FUNCTOR_1(Rsqrt, return V(1) / sqrt(x);)
HEARTH_FUNCTOR_1(Floor, return floor(x);)
HEARTH_FUNCTOR_1(Ceil, return ceil(x);)
HEARTH_FUNCTOR_1(Trunc, return trunc(x);)
HEARTH_FUNCTOR_1(Round, return round(x);)
HEARTH_FUNCTOR_1(Frac, return x - trunc(x);)
HEARTH_FUNCTOR_3(Clamp, return min(max(a, b), c);)
HEARTH_FUNCTOR_3(Where, return select(nonzero(a), b, c);)
HEARTH_FUNCTOR_3(Lerp, return select(abs(c) < V(0.5), a + c * (b - a), b - (b - a) * (V(1) - c));)
HEARTH_FUNCTOR_4(Addcmul, return a + d * b * c;)
HEARTH_FUNCTOR_4(Addcdiv, return a + d * b / c;)
HEARTH_FUNCTOR_4(NanToNum, return select(isnan(a), b,
                                         select(a == V(__builtin_inf()), c, select(a == V(-__builtin_inf()), d, a)));)

// ---- comparison, logic, bits
HEARTH_FUNCTOR_2(Eq, return ones(a == b);)
HEARTH_FUNCTOR_2(Ne, return ones(a != b);)
HEARTH_FUNCTOR_2(Lt, return ones(a < b);)
HEARTH_FUNCTOR_2(Le, return ones(a <= b);)
HEARTH_FUNCTOR_2(Gt, return ones(a > b);)
HEARTH_FUNCTOR_2(Ge, return ones(a >= b);)
HEARTH_FUNCTOR_2(LogicalAnd, return ones(nonzero(a) & nonzero(b));)
HEARTH_FUNCTOR_2(LogicalOr, return ones(nonzero(a) | nonzero(b));)
HEARTH_FUNCTOR_2(LogicalXor, return ones(nonzero(a) ^ nonzero(b));)
HEARTH_FUNCTOR_1(LogicalNot, return ones(x == V(0));)
HEARTH_FUNCTOR_1(IsNan, return ones(isnan(x));)
HEARTH_FUNCTOR_1(IsInf, return ones(abs(x) == V(__builtin_inf()));)
HEARTH_FUNCTOR_1(IsFinite, return ones(abs(x) < V(__builtin_inf()));)
HEARTH_FUNCTOR_2(BitwiseAnd, return a & b;)
HEARTH_FUNCTOR_2(BitwiseOr, return a | b;)
HEARTH_FUNCTOR_2(BitwiseXor, return a ^ b;)
HEARTH_FUNCTOR_1(BitwiseNot, return x ^ V(-1);)
HEARTH_FUNCTOR_2(ShiftLeft, return V::each(a, b, [](int64_t p, int64_t q) {
                   return q < 0 || q > 63 ? int64_t{0} : static_cast<int64_t>(static_cast<uint64_t>(p) << q);
                 });)
HEARTH_FUNCTOR_2(ShiftRight,
                 return V::each(a, b, [](int64_t p, int64_t q) { return p >> (q < 0 || q > 63 ? 63 : q); });)

// ---- exponentials and trigonometry
HEARTH_FUNCTOR_1(Exp, return exp(x);)
HEARTH_FUNCTOR_1(Exp2, return exp2(x);)
HEARTH_FUNCTOR_1(Expm1, return expm1(x);)
HEARTH_FUNCTOR_1(Log, return log(x);)
HEARTH_FUNCTOR_1(Log2, return log2(x);)
HEARTH_FUNCTOR_1(Log10, return log10(x);)
HEARTH_FUNCTOR_1(Log1p, return log1p(x);)
HEARTH_FUNCTOR_1(Sin, return sin(x);)
HEARTH_FUNCTOR_1(Cos, return cos(x);)
HEARTH_FUNCTOR_1(Tan, return tan(x);)
HEARTH_FUNCTOR_1(Asin, return asin(x);)
HEARTH_FUNCTOR_1(Acos, return acos(x);)
HEARTH_FUNCTOR_1(Atan, return atan(x);)
HEARTH_FUNCTOR_1(Sinh, return sinh(x);)
HEARTH_FUNCTOR_1(Cosh, return cosh(x);)
HEARTH_FUNCTOR_1(Tanh, return tanh(x);)
HEARTH_FUNCTOR_1(Asinh, return asinh(x);)
HEARTH_FUNCTOR_1(Acosh, return acosh(x);)
HEARTH_FUNCTOR_1(Atanh, return atanh(x);)
HEARTH_FUNCTOR_1(Erf, return erf(x);)
HEARTH_FUNCTOR_1(Erfc, return erfc(x);)
HEARTH_FUNCTOR_1(Erfinv, return erfinv(x);)
HEARTH_FUNCTOR_2(Atan2, return atan2(a, b);)
HEARTH_FUNCTOR_2(Xlogy, return select(isnan(b), b, select(a == V(0), V(0), a* log(b)));)

// ---- activations. x log(1 + e^x)-like forms are arranged so that neither end overflows.
HEARTH_FUNCTOR_1(Sigmoid, return sigmoid(x);)
HEARTH_FUNCTOR_1(Relu, return max(x, V(0));)
HEARTH_FUNCTOR_1(Silu, return x * sigmoid(x);)
HEARTH_FUNCTOR_1(Gelu, return V(0.5) * x * (V(1) + erf(x * V(0.70710678118654752440)));)
HEARTH_FUNCTOR_1(GeluTanh, const V u = V(0.79788456080286535588) * (x + V(0.044715) * x * x * x);
                 return V(0.5) * x * (V(1) + tanh(u));)
HEARTH_FUNCTOR_1(LogSigmoid, return min(x, V(0)) - log1p(exp(-abs(x)));)
HEARTH_FUNCTOR_1(Mish, return x * tanh(max(x, V(0)) + log1p(exp(-abs(x))));)
HEARTH_FUNCTOR_1(Hardswish, return x * (min(max(x + V(3), V(0)), V(6)) / V(6));)
HEARTH_FUNCTOR_1(Hardsigmoid, return min(max(x + V(3), V(0)), V(6)) / V(6);)
HEARTH_FUNCTOR_2(LeakyRelu, return select(a > V(0), a, a* b);)
HEARTH_FUNCTOR_2(Elu, return select(a > V(0), a, b* expm1(a));)
HEARTH_FUNCTOR_3(Softplus, const V t = a * b; return select(t > c, a, (max(t, V(0)) + log1p(exp(-abs(t)))) / b);)
// Gradients that would otherwise take several passes: a is the incoming gradient.
HEARTH_FUNCTOR_2(ReluGrad, return select(b <= V(0), V(0), a);)
HEARTH_FUNCTOR_2(SigmoidGrad, return a * b * (V(1) - b);)
HEARTH_FUNCTOR_2(TanhGrad, return a * (V(1) - b * b);)
HEARTH_FUNCTOR_2(SiluGrad, const V s = sigmoid(b); return a * s * (V(1) + b * (V(1) - s));)
HEARTH_FUNCTOR_2(GeluGrad, const V p = V(0.5) * (V(1) + erf(b * V(0.70710678118654752440)));
                 return a * (p + b * V(0.39894228040143267794) * exp(V(-0.5) * b * b));)

#undef HEARTH_FUNCTOR_1
#undef HEARTH_FUNCTOR_2
#undef HEARTH_FUNCTOR_3
#undef HEARTH_FUNCTOR_4

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif

#ifndef HEARTH_POINTWISE_LISTS
#define HEARTH_POINTWISE_LISTS
// X(kernel name, functor, operands, types)
// clang-format off
#define HEARTH_ARITHMETIC_OPS(X) \
  X(add, Add, 2, A) X(sub, Sub, 2, A) X(mul, Mul, 2, A) X(div, Div, 2, F) X(floor_divide, FloorDivide, 2, A) \
  X(trunc_divide, TruncDivide, 2, F) X(remainder, Remainder, 2, A) X(fmod, Fmod, 2, A) X(pow, Pow, 2, A) X(maximum, Maximum, 2, A) \
  X(minimum, Minimum, 2, A) X(neg, Neg, 1, A) X(abs, Abs, 1, A) X(sign, Sign, 1, A) X(square, Square, 1, A) \
  X(reciprocal, Reciprocal, 1, F) X(sqrt, Sqrt, 1, F) X(rsqrt, Rsqrt, 1, F) X(floor, Floor, 1, A) \
  X(ceil, Ceil, 1, A) X(trunc, Trunc, 1, A) X(round, Round, 1, A) X(frac, Frac, 1, F) X(clamp, Clamp, 3, A) \
  X(where, Where, 3, A) X(lerp, Lerp, 3, F) X(addcmul, Addcmul, 4, A) X(addcdiv, Addcdiv, 4, F) \
  X(nan_to_num, NanToNum, 4, F)
#define HEARTH_COMPARE_OPS(X) \
  X(eq, Eq, 2, A) X(ne, Ne, 2, A) X(lt, Lt, 2, A) X(le, Le, 2, A) X(gt, Gt, 2, A) X(ge, Ge, 2, A) \
  X(logical_and, LogicalAnd, 2, A) X(logical_or, LogicalOr, 2, A) X(logical_xor, LogicalXor, 2, A) \
  X(logical_not, LogicalNot, 1, A) X(isnan, IsNan, 1, F) X(isinf, IsInf, 1, F) X(isfinite, IsFinite, 1, F) \
  X(bitwise_and, BitwiseAnd, 2, I) X(bitwise_or, BitwiseOr, 2, I) X(bitwise_xor, BitwiseXor, 2, I) \
  X(bitwise_not, BitwiseNot, 1, I) X(bitwise_left_shift, ShiftLeft, 2, I) X(bitwise_right_shift, ShiftRight, 2, I)
#define HEARTH_MATH_OPS(X) \
  X(exp, Exp, 1, F) X(exp2, Exp2, 1, F) X(expm1, Expm1, 1, F) X(log, Log, 1, F) X(log2, Log2, 1, F) \
  X(log10, Log10, 1, F) X(log1p, Log1p, 1, F) X(sin, Sin, 1, F) X(cos, Cos, 1, F) X(tan, Tan, 1, F) \
  X(asin, Asin, 1, F) X(acos, Acos, 1, F) X(atan, Atan, 1, F) X(sinh, Sinh, 1, F) X(cosh, Cosh, 1, F) \
  X(tanh, Tanh, 1, F) X(asinh, Asinh, 1, F) X(acosh, Acosh, 1, F) X(atanh, Atanh, 1, F) X(erf, Erf, 1, F) \
  X(erfc, Erfc, 1, F) X(erfinv, Erfinv, 1, F) X(atan2, Atan2, 2, F) X(xlogy, Xlogy, 2, F)
#define HEARTH_ACTIVATION_OPS(X) \
  X(sigmoid, Sigmoid, 1, F) X(relu, Relu, 1, A) X(silu, Silu, 1, F) X(gelu, Gelu, 1, F) \
  X(gelu_tanh, GeluTanh, 1, F) X(log_sigmoid, LogSigmoid, 1, F) X(mish, Mish, 1, F) X(hardswish, Hardswish, 1, F) \
  X(hardsigmoid, Hardsigmoid, 1, F) X(leaky_relu, LeakyRelu, 2, F) X(elu, Elu, 2, F) X(softplus, Softplus, 3, F) \
  X(relu_grad, ReluGrad, 2, F) X(sigmoid_grad, SigmoidGrad, 2, F) X(tanh_grad, TanhGrad, 2, F) \
  X(silu_grad, SiluGrad, 2, F) X(gelu_grad, GeluGrad, 2, F)
// clang-format on
#endif
