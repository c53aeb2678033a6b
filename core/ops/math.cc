#include "core/ops/math.h"

#include "core/base/called_as.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/pointwise_record.h"

namespace hearth {
namespace {
constexpr double kLn2 = 0.69314718055994530942, kLn10 = 2.30258509299404568402, kTwoOverRootPi = 1.12837916709551257390;
}

HEARTH_POINTWISE(kExp, "exp", exp, 1, kFloatTypes | kComplexTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * machinery::conj(g.output()));
});
HEARTH_POINTWISE(kExp2, "exp2", exp2, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * g.output() * kLn2);
});
HEARTH_POINTWISE(kExpm1, "expm1", expm1, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * (g.output() + 1));
});
HEARTH_POINTWISE(kLog, "log", log, 1, kFloatTypes, kFloat, kKeepInput,
                 [](GradContext& g) { g.set(0, g.grad() / g.input(0)); });
HEARTH_POINTWISE(kLog2, "log2", log2, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (g.input(0) * kLn2));
});
HEARTH_POINTWISE(kLog10, "log10", log10, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (g.input(0) * kLn10));
});
HEARTH_POINTWISE(kLog1p, "log1p", log1p, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (g.input(0) + 1));
});
HEARTH_POINTWISE(kSin, "sin", sin, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * cos(g.input(0)));
});
HEARTH_POINTWISE(kCos, "cos", cos, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, -(g.grad() * sin(g.input(0))));
});
HEARTH_POINTWISE(kTan, "tan", tan, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * (square(g.output()) + 1));
});
HEARTH_POINTWISE(kAsin, "asin", asin, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * rsqrt(1 - square(g.input(0))));
});
HEARTH_POINTWISE(kAcos, "acos", acos, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, -(g.grad() * rsqrt(1 - square(g.input(0)))));
});
HEARTH_POINTWISE(kAtan, "atan", atan, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (square(g.input(0)) + 1));
});
HEARTH_POINTWISE(kSinh, "sinh", sinh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * cosh(g.input(0)));
});
HEARTH_POINTWISE(kCosh, "cosh", cosh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * sinh(g.input(0)));
});
HEARTH_POINTWISE(kTanh, "tanh", tanh, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.set(0, run(kTanhGrad, {g.grad(), g.output()}));
});
HEARTH_POINTWISE(kAsinh, "asinh", asinh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * rsqrt(square(g.input(0)) + 1));
});
HEARTH_POINTWISE(kAcosh, "acosh", acosh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * rsqrt(square(g.input(0)) - 1));
});
HEARTH_POINTWISE(kAtanh, "atanh", atanh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (1 - square(g.input(0))));
});
HEARTH_POINTWISE(kErf, "erf", erf, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * exp(-square(g.input(0))) * kTwoOverRootPi);
});
HEARTH_POINTWISE(kErfc, "erfc", erfc, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * exp(-square(g.input(0))) * -kTwoOverRootPi);
});
HEARTH_POINTWISE(kErfinv, "erfinv", erfinv, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * exp(square(erfinv(g.input(0)))) * (1 / kTwoOverRootPi));
});
HEARTH_POINTWISE(kAtan2, "atan2", atan2, 2, kFloatTypes, kFloat, kKeepBoth, [](GradContext& g) {
  g.widen();
  const Tensor y = kept_operand(g, 0);
  const Tensor x = kept_operand(g, 1);
  // At the origin there is no angle: its gradient is 0 there.
  const Tensor squares = square(x) + square(y);
  const Tensor origin = eq(squares, 0);
  const Tensor d = where(origin, Scalar(0), g.grad() / where(origin, Scalar(1), squares));
  if (g.needs(0)) g.set(0, d * x);
  if (g.needs(1)) g.set(1, -(d * y));
});

HEARTH_POINTWISE(kXlogy, "xlogy", xlogy, 2, kFloatTypes, kFloat, kKeepBoth, [](GradContext& g) {
  g.widen();
  const Tensor x = kept_operand(g, 0);
  const Tensor y = kept_operand(g, 1);
  if (g.needs(0)) g.set(0, where(logical_and(eq(x, 0), le(y, 0)), Scalar(0), xlogy(g.grad(), y)));
  if (g.needs(1)) g.set(1, g.grad() * x / y);
});

HEARTH_UNARY_METHODS(kExp, exp)
HEARTH_UNARY_METHODS(kExp2, exp2)
HEARTH_UNARY_METHODS(kExpm1, expm1)
HEARTH_UNARY_METHODS(kLog, log)
HEARTH_UNARY_METHODS(kLog2, log2)
HEARTH_UNARY_METHODS(kLog10, log10)
HEARTH_UNARY_METHODS(kLog1p, log1p)
HEARTH_UNARY_METHODS(kSin, sin)
HEARTH_UNARY_METHODS(kCos, cos)
HEARTH_UNARY_METHODS(kTan, tan)
HEARTH_UNARY_METHODS(kAsin, asin)
HEARTH_UNARY_METHODS(kAcos, acos)
HEARTH_UNARY_METHODS(kAtan, atan)
HEARTH_UNARY_METHODS(kSinh, sinh)
HEARTH_UNARY_METHODS(kCosh, cosh)
HEARTH_UNARY_METHODS(kTanh, tanh)
HEARTH_UNARY_METHODS(kAsinh, asinh)
HEARTH_UNARY_METHODS(kAcosh, acosh)
HEARTH_UNARY_METHODS(kAtanh, atanh)
HEARTH_UNARY_METHODS(kErf, erf)
HEARTH_UNARY_METHODS(kErfc, erfc)
HEARTH_UNARY_METHODS(kErfinv, erfinv)
HEARTH_BINARY_FUNCTIONS(kXlogy, xlogy)

Tensor atan2(const Tensor& y, const Tensor& x) { return run(kAtan2, {y, x}); }
Tensor Tensor::atan2(const Tensor& x) const { return run(kAtan2, {*this, x}); }
Tensor& Tensor::atan2_(const Tensor& x) & {
  run_into(kAtan2, *this, {*this, x});
  return *this;
}
Tensor Tensor::xlogy(const Tensor& y) const { return run(kXlogy, {*this, y}); }
Tensor logit(const Tensor& x, std::optional<double> eps) {
  const CalledAs called("logit");
  expect_defined("logit", {x});
  if (is_half(x.dtype())) return machinery::cast(logit(machinery::widened(x), eps), x.dtype());
  expect_dtypes("logit", x, kAllTypes);
  const Tensor y = x.is_floating_point() ? x : x.to(default_dtype());
  const Tensor z = eps ? clamp(y, *eps, 1 - *eps) : y;
  return log(z / (1 - z));
}
Tensor Tensor::logit() const { return hearth::logit(*this); }
Tensor& Tensor::logit_() & {
  expect_defined("logit_", {*this});
  // The gradient needs the values that are overwritten.
  return copy_(hearth::logit(needs_grad(*impl()) ? clone() : *this));
}

}  // namespace hearth
