#include "core/ops/pointwise_functions.h"

#include <numbers>

#include "core/base/called_as.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Computed in f32 at least; integers as f32.
Tensor floating(const char* op, const Tensor& x) {
  expect_dtypes(op, x, kAllTypes);
  return x.is_floating_point() ? machinery::widened(x) : x.to(f32);
}
DType floating(DType t) { return is_floating_point(t) ? t : f32; }

// -|a - b|, and 0 for two infinities of one sign.
Tensor distance(const Tensor& a, const Tensor& b) {
  const Tensor both = logical_and(eq(a, b), isinf(a));
  return neg(abs(where(both, Scalar(0.0), a - b)));
}

template <class F>
Tensor of_pair(const char* op, const Tensor& a, const Tensor& b, F f) {
  const CalledAs called(op);
  expect_dtypes(op, a, kFloatTypes);
  expect_dtypes(op, b, kFloatTypes);
  const Operand both[] = {a, b};
  const DType t = result_type(both);
  return machinery::cast(f(machinery::widened(a.to(t)), machinery::widened(b.to(t))), t);
}

Tensor log_sum(const Tensor& a, const Tensor& b) { return maximum(a, b) + log1p(exp(distance(a, b))); }

// One of a and b by pick, and where one is NaN the other.
template <class F>
Tensor without_nan(const char* op, const Tensor& a, const Tensor& b, F pick) {
  const CalledAs called(op);
  expect_dtypes(op, a, kAllTypes);
  expect_dtypes(op, b, kAllTypes);
  if (!a.is_floating_point() && !b.is_floating_point()) return pick(a, b);
  const Tensor no_a = isnan(a), no_b = isnan(b);
  // Neither is looked at where it is NaN.
  return pick(where(no_a, b, a), where(no_b, a, b));
}

}  // namespace

Tensor clip(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max) {
  const CalledAs called("clip");
  return clamp(x, min, max);
}
Tensor clip(const Tensor& x, const Tensor& min, const Tensor& max) {
  const CalledAs called("clip");
  return clamp(x, min, max);
}

Tensor fmax(const Tensor& a, const Tensor& b) {
  return without_nan("fmax", a, b, [](const Tensor& x, const Tensor& y) { return maximum(x, y); });
}
Tensor fmin(const Tensor& a, const Tensor& b) {
  return without_nan("fmin", a, b, [](const Tensor& x, const Tensor& y) { return minimum(x, y); });
}

Tensor logaddexp(const Tensor& a, const Tensor& b) { return of_pair("logaddexp", a, b, log_sum); }
Tensor logaddexp2(const Tensor& a, const Tensor& b) {
  return of_pair("logaddexp2", a, b, [](const Tensor& x, const Tensor& y) {
    return maximum(x, y) + log1p(exp2(distance(x, y))) * std::numbers::log2e;
  });
}

Tensor sinc(const Tensor& x) {
  const CalledAs called("sinc");
  const Tensor wide = floating("sinc", x), zero = eq(wide, 0);
  const Tensor angle = where(zero, Scalar(1.0), wide) * std::numbers::pi;
  return machinery::cast(where(zero, Scalar(1.0), sin(angle) / angle), floating(x.dtype()));
}
Tensor deg2rad(const Tensor& x) {
  const CalledAs called("deg2rad");
  return machinery::cast(floating("deg2rad", x) * (std::numbers::pi / 180), floating(x.dtype()));
}
Tensor rad2deg(const Tensor& x) {
  const CalledAs called("rad2deg");
  return machinery::cast(floating("rad2deg", x) * (180 / std::numbers::pi), floating(x.dtype()));
}

Tensor ldexp(const Tensor& x, const Tensor& exponent) {
  const CalledAs called("ldexp");
  expect_dtypes("ldexp", x, kAllTypes);
  expect_dtypes("ldexp", exponent, kAllTypes);
  // In two steps: 2^exponent alone may be beyond f64.
  const Tensor e = machinery::cast(exponent, f64), half = floor(e / 2);
  const Tensor y = machinery::cast(x, f64) * pow(Scalar(2.0), half) * pow(Scalar(2.0), e - half);
  return machinery::cast(y, is_floating_point(x.dtype()) ? x.dtype() : default_dtype());
}
Tensor isreal(const Tensor& x) {
  const CalledAs called("isreal");
  expect_defined("isreal", {x});
  return x.is_complex() ? eq(imag(x.detach()), 0) : ones_like(x, boolean);
}
Tensor isposinf(const Tensor& x) {
  const CalledAs called("isposinf");
  return logical_and(isinf(x), gt(x, 0));
}
Tensor isneginf(const Tensor& x) {
  const CalledAs called("isneginf");
  return logical_and(isinf(x), lt(x, 0));
}

Tensor logcumsumexp(const Tensor& x, int64_t d) {
  const CalledAs called("logcumsumexp");
  expect_dtypes("logcumsumexp", x, kFloatTypes);
  const int w = wrap_dim(d, x.dim(), "logcumsumexp");
  if (x.dim() == 0 || x.numel() == 0) return x.clone();
  Tensor y = machinery::widened(x);
  // After each step y[i] stands for twice as many elements, those up to i.
  for (int64_t step = 1, n = x.shape()[w]; step < n; step *= 2) {
    const Tensor later = log_sum(narrow(y, w, step, n - step), narrow(y, w, 0, n - step));
    y = cat({narrow(y, w, 0, step), later}, w);
  }
  return x.shape()[w] == 1 ? x.clone() : machinery::cast(y, x.dtype());
}

}  // namespace hearth
