// The CPU kernels of elementwise ops, one for each name in the lists of pointwise_functors.h.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {
void add(OpCall&), sub(OpCall&), mul(OpCall&), div(OpCall&), floor_divide(OpCall&), remainder(OpCall&), fmod(OpCall&),
    pow(OpCall&);
void maximum(OpCall&), minimum(OpCall&), neg(OpCall&), abs(OpCall&), sign(OpCall&), square(OpCall&),
    reciprocal(OpCall&);
void sqrt(OpCall&), rsqrt(OpCall&), floor(OpCall&), ceil(OpCall&), trunc(OpCall&), round(OpCall&), frac(OpCall&),
    clamp(OpCall&);
void where(OpCall&), lerp(OpCall&), addcmul(OpCall&), addcdiv(OpCall&), nan_to_num(OpCall&);
void eq(OpCall&), ne(OpCall&), lt(OpCall&), le(OpCall&), gt(OpCall&), ge(OpCall&), logical_and(OpCall&),
    logical_or(OpCall&);
void logical_xor(OpCall&), logical_not(OpCall&), isnan(OpCall&), isinf(OpCall&), isfinite(OpCall&),
    bitwise_and(OpCall&);
void bitwise_or(OpCall&), bitwise_xor(OpCall&), bitwise_not(OpCall&), bitwise_left_shift(OpCall&),
    bitwise_right_shift(OpCall&);
void exp(OpCall&), exp2(OpCall&), expm1(OpCall&), log(OpCall&), log2(OpCall&), log10(OpCall&), log1p(OpCall&),
    sin(OpCall&);
void cos(OpCall&), tan(OpCall&), asin(OpCall&), acos(OpCall&), atan(OpCall&), sinh(OpCall&), cosh(OpCall&),
    tanh(OpCall&);
void asinh(OpCall&), acosh(OpCall&), atanh(OpCall&), erf(OpCall&), erfc(OpCall&), erfinv(OpCall&), atan2(OpCall&);
void sigmoid(OpCall&), relu(OpCall&), silu(OpCall&), gelu(OpCall&), gelu_tanh(OpCall&), log_sigmoid(OpCall&),
    mish(OpCall&);
void hardswish(OpCall&), hardsigmoid(OpCall&), leaky_relu(OpCall&), elu(OpCall&), softplus(OpCall&), relu_grad(OpCall&);
void sigmoid_grad(OpCall&), tanh_grad(OpCall&), silu_grad(OpCall&), gelu_grad(OpCall&);
}  // namespace hearth::cpu
