/// Exponentials, logarithms, trigonometry, error functions, for each element.
///
/// Integers and bool give f32. f16 and bf16 are computed in f32 and rounded once. Results are within 2 ULP of the exact
/// value; tanh of f64 within 3, erfc of f64 within 5. A value outside of a function's domain gives NaN. Operands of
/// functions of two broadcast, see arithmetic.h.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// e^x.
Tensor exp(const Tensor& x);
/// 2^x.
Tensor exp2(const Tensor& x);
/// e^x - 1, accurate for small x.
Tensor expm1(const Tensor& x);
/// The natural logarithm; -infinity at 0.
Tensor log(const Tensor& x);
/// The logarithm to base 2; -infinity at 0.
Tensor log2(const Tensor& x);
/// The logarithm to base 10; -infinity at 0.
Tensor log10(const Tensor& x);
/// log(1 + x), accurate for small x; -infinity at -1.
Tensor log1p(const Tensor& x);
/// The sine of x in radians.
Tensor sin(const Tensor& x);
/// The cosine of x in radians.
Tensor cos(const Tensor& x);
/// The tangent of x in radians.
Tensor tan(const Tensor& x);
/// The inverse sine in radians, from -pi/2 to pi/2; x from -1 to 1.
Tensor asin(const Tensor& x);
/// The inverse cosine in radians, from 0 to pi; x from -1 to 1.
Tensor acos(const Tensor& x);
/// The inverse tangent in radians, from -pi/2 to pi/2.
Tensor atan(const Tensor& x);
/// The hyperbolic sine.
Tensor sinh(const Tensor& x);
/// The hyperbolic cosine.
Tensor cosh(const Tensor& x);
/// The hyperbolic tangent.
Tensor tanh(const Tensor& x);
/// The inverse hyperbolic sine.
Tensor asinh(const Tensor& x);
/// The inverse hyperbolic cosine; x at least 1.
Tensor acosh(const Tensor& x);
/// The inverse hyperbolic tangent; x from -1 to 1, infinite at the ends.
Tensor atanh(const Tensor& x);
/// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
Tensor erf(const Tensor& x);
/// 1 - erf(x), without cancellation for large x.
Tensor erfc(const Tensor& x);
/// The inverse of erf; x from -1 to 1, infinite at the ends.
Tensor erfinv(const Tensor& x);
/// The angle of the point (x, y) in radians, from -pi to pi. The gradient at the origin is 0.
Tensor atan2(const Tensor& y, const Tensor& x);
/// x log(y), and 0 where x is 0 unless y is NaN. The gradient of x is 0 where x is 0 and y is at most 0.
Tensor xlogy(const Tensor& x, const Tensor& y);
Tensor xlogy(const Tensor& x, Scalar y);  ///< See above.
Tensor xlogy(Scalar x, const Tensor& y);  ///< See above.
/// log(x / (1 - x)), the inverse of sigmoid(). With eps, x is first limited to [eps, 1 - eps].
Tensor logit(const Tensor& x, std::optional<double> eps = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (y, x) -> atan2(y, x).
extern constinit const OpDef kAtan2;
/// (x, y) -> xlogy(x, y). One of the two may be a number.
extern constinit const OpDef kXlogy;
/// x -> exp(x).
extern constinit const OpDef kExp;
/// x -> exp2(x).
extern constinit const OpDef kExp2;
/// x -> expm1(x).
extern constinit const OpDef kExpm1;
/// x -> log(x).
extern constinit const OpDef kLog;
/// x -> log2(x).
extern constinit const OpDef kLog2;
/// x -> log10(x).
extern constinit const OpDef kLog10;
/// x -> log1p(x).
extern constinit const OpDef kLog1p;
/// x -> sin(x).
extern constinit const OpDef kSin;
/// x -> cos(x).
extern constinit const OpDef kCos;
/// x -> tan(x).
extern constinit const OpDef kTan;
/// x -> asin(x).
extern constinit const OpDef kAsin;
/// x -> acos(x).
extern constinit const OpDef kAcos;
/// x -> atan(x).
extern constinit const OpDef kAtan;
/// x -> sinh(x).
extern constinit const OpDef kSinh;
/// x -> cosh(x).
extern constinit const OpDef kCosh;
/// x -> tanh(x).
extern constinit const OpDef kTanh;
/// x -> asinh(x).
extern constinit const OpDef kAsinh;
/// x -> acosh(x).
extern constinit const OpDef kAcosh;
/// x -> atanh(x).
extern constinit const OpDef kAtanh;
/// x -> erf(x).
extern constinit const OpDef kErf;
/// x -> erfc(x).
extern constinit const OpDef kErfc;
/// x -> erfinv(x).
extern constinit const OpDef kErfinv;

}  // namespace hearth
