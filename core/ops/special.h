/// Special functions, elementwise: torch.special, without a namespace of their own.
///
/// Operands broadcast and meet in one dtype as in arithmetic.h. Integers give f32; f16 and bf16 are computed in f32 and
/// rounded once. Gradients flow unless a function says otherwise.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// log |Gamma(x)|. PyTorch: lgamma, special.gammaln.
Tensor lgamma(const Tensor& x);
/// The derivative of log Gamma(x); NaN at negative integers, minus infinity at 0. PyTorch: digamma, special.psi.
Tensor digamma(const Tensor& x);
/// The n-th derivative of digamma(x). For n > 1 NaN below -10^4. Throws Error if n < 0.
Tensor polygamma(int64_t n, const Tensor& x);
/// log of the multivariate gamma function of p dimensions, for x > (p - 1) / 2. Throws Error if p < 1. PyTorch:
/// mvlgamma, special.multigammaln.
Tensor mvlgamma(const Tensor& x, int64_t p);
/// The sum of (q + k)^-s over k >= 0, Hurwitz' zeta function; for q = 1 Riemann's. NaN for s < 1. For negative q
/// only a whole s has a sum; except for s = 2 it is NaN below -10^4. The gradient is q's; throws Error where that of s
/// is wanted.
Tensor zeta(const Tensor& s, const Tensor& q);
Tensor zeta(const Tensor& s, Scalar q);  ///< See above.
Tensor zeta(Scalar s, const Tensor& q);  ///< See above.

/// The modified Bessel function of the first kind, of order 0.
Tensor i0(const Tensor& x);
/// e^-|x| i0(x), which does not overflow.
Tensor i0e(const Tensor& x);
/// The modified Bessel function of the first kind, of order 1.
Tensor i1(const Tensor& x);
/// e^-|x| i1(x), which does not overflow.
Tensor i1e(const Tensor& x);

/// -x log(x), 0 at 0, minus infinity below. The gradient is infinite at 0 and NaN below.
Tensor entr(const Tensor& x);
/// The distribution function of the standard normal distribution.
Tensor ndtr(const Tensor& x);
/// log(ndtr(x)), also where ndtr(x) underflows.
Tensor log_ndtr(const Tensor& x);
/// The inverse of ndtr(): infinite at 0 and 1, NaN outside.
Tensor ndtri(const Tensor& p);
/// e^(x^2) erfc(x), which does not underflow.
Tensor erfcx(const Tensor& x);
/// The regularised lower incomplete gamma function P(a, x): the integral of t^(a-1) e^-t from 0 to x over Gamma(a), the
/// distribution function of Gamma(a). NaN for negative operands and where both are 0 or both infinite. Relative errors
/// grow to some 1e-9 for a above 10^6. The gradient is x's; throws Error where that of a is wanted. PyTorch: igamma.
Tensor gammainc(const Tensor& a, const Tensor& x);
Tensor gammainc(const Tensor& a, Scalar x);  ///< See above.
Tensor gammainc(Scalar a, const Tensor& x);  ///< See above.
/// The upper one, Q(a, x) = 1 - P(a, x), without cancellation. As gammainc(). PyTorch: igammac.
Tensor gammaincc(const Tensor& a, const Tensor& x);
Tensor gammaincc(const Tensor& a, Scalar x);  ///< See above.
Tensor gammaincc(Scalar a, const Tensor& x);  ///< See above.
/// a log(1 + b), and 0 where a is 0 and b not NaN.
Tensor xlog1py(const Tensor& a, const Tensor& b);
Tensor xlog1py(const Tensor& a, Scalar b);  ///< See above.
Tensor xlog1py(Scalar a, const Tensor& b);  ///< See above.
/// sqrt(a^2 + b^2), without overflow on the way. Where both are 0 the gradient is NaN, as in PyTorch.
Tensor hypot(const Tensor& a, const Tensor& b);
Tensor hypot(const Tensor& a, Scalar b);  ///< See above.
Tensor hypot(Scalar a, const Tensor& b);  ///< See above.

/// The greatest common divisor of integers, at least 0. No gradient. Not for floating-point numbers and bool.
Tensor gcd(const Tensor& a, const Tensor& b);
/// The least common multiple of integers, at least 0; it wraps around where it does not fit. As gcd().
Tensor lcm(const Tensor& a, const Tensor& b);
/// |a| with the sign of b; that of -0 counts, that of a NaN does not, unlike in PyTorch. The gradient is a's; at 0 it
/// is 0. Not for complex numbers.
Tensor copysign(const Tensor& a, const Tensor& b);
/// True where x is negative, also -0; as bool. The sign of a NaN does not count, unlike in PyTorch. No gradient passes.
Tensor signbit(const Tensor& x);
/// 0 below 0 and where x is NaN, 1 above and `values` at 0. No gradient passes.
Tensor heaviside(const Tensor& x, const Tensor& values);
/// a^b in f64. Not for complex numbers.
Tensor float_power(const Tensor& a, const Tensor& b);
Tensor float_power(const Tensor& a, Scalar b);  ///< See above.

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

extern constinit const OpDef kLgamma;     ///< x -> lgamma(x).
extern constinit const OpDef kDigamma;    ///< x -> digamma(x).
extern constinit const OpDef kPolygamma;  ///< (x, n) -> polygamma(n, x).
extern constinit const OpDef kZeta;       ///< (s, q) -> zeta(s, q).
extern constinit const OpDef kI0;         ///< x -> i0(x).
extern constinit const OpDef kI0e;        ///< x -> i0e(x).
extern constinit const OpDef kI1;         ///< x -> i1(x).
extern constinit const OpDef kI1e;        ///< x -> i1e(x).
extern constinit const OpDef kHypot;      ///< (a, b) -> hypot(a, b).
extern constinit const OpDef kEntr;       ///< x -> entr(x).
extern constinit const OpDef kXlog1py;    ///< (a, b) -> xlog1py(a, b).
extern constinit const OpDef kErfcx;      ///< x -> erfcx(x).
extern constinit const OpDef kLogNdtr;    ///< x -> log_ndtr(x).
extern constinit const OpDef kNdtri;      ///< p -> ndtri(p).
extern constinit const OpDef kGammainc;   ///< (a, x) -> gammainc(a, x).
extern constinit const OpDef kGammaincc;  ///< (a, x) -> gammaincc(a, x).
extern constinit const OpDef kGcd;        ///< (a, b) -> gcd(a, b).

}  // namespace hearth
