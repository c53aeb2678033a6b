// The elementwise ops: each with its functor of pointwise_functors.h, its number of operands and the types it is
// computed in: F (f32, f64), A (those and i64), I (i64); FC and AC also c64 and c128, by the functor of the same name
// in complex_functors.h, and C those alone.
#pragma once

// X(kernel name, functor, operands, types)
// clang-format off
#define HEARTH_ARITHMETIC_OPS(X) \
  X(add, Add, 2, AC) X(sub, Sub, 2, AC) X(mul, Mul, 2, AC) X(div, Div, 2, FC) X(floor_divide, FloorDivide, 2, A) \
  X(trunc_divide, TruncDivide, 2, F) X(remainder, Remainder, 2, A) X(fmod, Fmod, 2, A) X(pow, Pow, 2, A) X(maximum, Maximum, 2, A) \
  X(minimum, Minimum, 2, A) X(neg, Neg, 1, AC) X(abs, Abs, 1, AC) X(sign, Sign, 1, A) X(square, Square, 1, AC) \
  X(reciprocal, Reciprocal, 1, F) X(sqrt, Sqrt, 1, F) X(rsqrt, Rsqrt, 1, F) X(floor, Floor, 1, A) \
  X(ceil, Ceil, 1, A) X(trunc, Trunc, 1, A) X(round, Round, 1, A) X(frac, Frac, 1, F) X(clamp, Clamp, 3, A) \
  X(where, Where, 3, AC) X(lerp, Lerp, 3, F) X(addcmul, Addcmul, 4, A) X(addcdiv, Addcdiv, 4, F) \
  X(nan_to_num, NanToNum, 4, F)
#define HEARTH_COMPARE_OPS(X) \
  X(eq, Eq, 2, AC) X(ne, Ne, 2, AC) X(lt, Lt, 2, A) X(le, Le, 2, A) X(gt, Gt, 2, A) X(ge, Ge, 2, A) \
  X(logical_and, LogicalAnd, 2, A) X(logical_or, LogicalOr, 2, A) X(logical_xor, LogicalXor, 2, A) \
  X(logical_not, LogicalNot, 1, A) X(isnan, IsNan, 1, F) X(isinf, IsInf, 1, F) X(isfinite, IsFinite, 1, F) \
  X(bitwise_and, BitwiseAnd, 2, I) X(bitwise_or, BitwiseOr, 2, I) X(bitwise_xor, BitwiseXor, 2, I) \
  X(bitwise_not, BitwiseNot, 1, I) X(bitwise_left_shift, ShiftLeft, 2, I) X(bitwise_right_shift, ShiftRight, 2, I)
#define HEARTH_MATH_OPS(X) \
  X(exp, Exp, 1, FC) X(exp2, Exp2, 1, F) X(expm1, Expm1, 1, F) X(log, Log, 1, F) X(log2, Log2, 1, F) \
  X(log10, Log10, 1, F) X(log1p, Log1p, 1, F) X(sin, Sin, 1, F) X(cos, Cos, 1, F) X(tan, Tan, 1, F) \
  X(asin, Asin, 1, F) X(acos, Acos, 1, F) X(atan, Atan, 1, F) X(sinh, Sinh, 1, F) X(cosh, Cosh, 1, F) \
  X(tanh, Tanh, 1, F) X(asinh, Asinh, 1, F) X(acosh, Acosh, 1, F) X(atanh, Atanh, 1, F) X(erf, Erf, 1, F) \
  X(erfc, Erfc, 1, F) X(erfinv, Erfinv, 1, F) X(atan2, Atan2, 2, F) X(xlogy, Xlogy, 2, F)
#define HEARTH_SPECIAL_OPS(X) \
  X(lgamma, Lgamma, 1, F) X(digamma, Digamma, 1, F) X(polygamma, Polygamma, 2, F) X(zeta, Zeta, 2, F) \
  X(i0, I0, 1, F) X(i0e, I0e, 1, F) X(i1, I1, 1, F) X(i1e, I1e, 1, F) X(hypot, Hypot, 2, F) X(gcd, Gcd, 2, I) \
  X(gammainc, Gammainc, 2, F) X(gammaincc, Gammaincc, 2, F) X(erfcx, Erfcx, 1, F) X(log_ndtr, LogNdtr, 1, F) \
  X(ndtri, Ndtri, 1, F)
#define HEARTH_ACTIVATION_OPS(X) \
  X(sigmoid, Sigmoid, 1, F) X(relu, Relu, 1, A) X(silu, Silu, 1, F) X(gelu, Gelu, 1, F) \
  X(gelu_tanh, GeluTanh, 1, F) X(log_sigmoid, LogSigmoid, 1, F) X(mish, Mish, 1, F) X(hardswish, Hardswish, 1, F) \
  X(hardsigmoid, Hardsigmoid, 1, F) X(leaky_relu, LeakyRelu, 2, F) X(elu, Elu, 2, F) X(softplus, Softplus, 3, F) \
  X(relu_grad, ReluGrad, 2, F) X(sigmoid_grad, SigmoidGrad, 2, F) X(tanh_grad, TanhGrad, 2, F) \
  X(silu_grad, SiluGrad, 2, F) X(gelu_grad, GeluGrad, 2, F) X(gelu_tanh_grad, GeluTanhGrad, 2, F)
// Those that are only of complex numbers, or give them.
#define HEARTH_COMPLEX_OPS(X) \
  X(conj, Conj, 1, C) X(angle, Angle, 1, C) X(abs_square, AbsSquare, 1, C) X(make_complex, MakeComplex, 2, C)
// clang-format on
