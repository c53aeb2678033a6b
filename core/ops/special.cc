#include "core/ops/special.h"

#include <cmath>
#include <numbers>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/pointwise_record.h"
#include "core/ops/rounded_internal.h"

namespace hearth {
namespace {

constexpr DTypeSet kWhole = DTypeSet{u8, i8, i16, i32, i64};

// I_1(x) / x, which is 1/2 at 0; `first` is I_1 or its scaled form.
Tensor over_x(const Tensor& first, const Tensor& x) {
  const Tensor none = eq(x, 0);
  return where(none, 0.5, first / where(none, 1, x));
}

}  // namespace

HEARTH_POINTWISE(kLgamma, "lgamma", lgamma, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * digamma(g.input(0)));
});
HEARTH_POINTWISE(kDigamma, "digamma", digamma, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * polygamma(1, g.input(0)));
});
HEARTH_POINTWISE(kPolygamma, "polygamma", polygamma, 2, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  if (g.needs(0)) g.set(0, g.grad() * polygamma(g.scalar(1).to<int64_t>() + 1, g.input(0)));
});
HEARTH_POINTWISE(kZeta, "zeta", zeta, 2, kFloatTypes, kFloat, kKeepBoth, [](GradContext& g) {
  g.widen();
  if (g.needs(0)) fail(ErrorKind::kUnsupported, "zeta: there is no gradient for s");
  const Tensor s = kept_operand(g, 0);
  g.set(1, -(g.grad() * s * zeta(s + 1, g.input(1))));
});
HEARTH_POINTWISE(kI0, "i0", i0, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * i1(g.input(0)));
});
HEARTH_POINTWISE(kI0e, "i0e", i0e, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0);
  g.set(0, g.grad() * (i1e(x) - sign(x) * i0e(x)));
});
HEARTH_POINTWISE(kI1, "i1", i1, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0);
  g.set(0, g.grad() * (i0(x) - over_x(i1(x), x)));
});
HEARTH_POINTWISE(kI1e, "i1e", i1e, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0), y = i1e(x);
  g.set(0, g.grad() * (i0e(x) - sign(x) * y - over_x(y, x)));
});
HEARTH_POINTWISE(kHypot, "hypot", hypot, 2, kFloatTypes, kFloat, kKeepBoth, [](GradContext& g) {
  g.widen();
  const Tensor a = kept_operand(g, 0), b = kept_operand(g, 1), h = hypot(a, b);
  if (g.needs(0)) g.set(0, g.grad() * (a / h));
  if (g.needs(1)) g.set(1, g.grad() * (b / h));
});

HEARTH_POINTWISE(kErfcx, "erfcx", erfcx, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  // Far from 0 the two terms cancel: there the series.
  const Tensor x = machinery::cast(g.input(0), f64), far = gt(x, 100),
               z = where(far, 0.5 / square(where(far, x, 1)), 0);
  const Tensor there = z * (1 - 3 * z * (1 - 5 * z * (1 - 7 * z))) * (-2 / std::sqrt(std::numbers::pi));
  const Tensor here = 2 * x * erfcx(x) - 2 / std::sqrt(std::numbers::pi);
  g.set(0, g.grad() * machinery::cast(where(far, there, here), g.grad().dtype()));
});
HEARTH_POINTWISE(kLogNdtr, "log_ndtr", log_ndtr, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  // The density over the distribution function.
  g.set(0, g.grad() * std::sqrt(2 / std::numbers::pi) / erfcx(g.input(0) * (-std::numbers::sqrt2 / 2)));
});
HEARTH_POINTWISE(kNdtri, "ndtri", ndtri, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * std::sqrt(2 * std::numbers::pi) * exp(square(g.output(0)) / 2));
});

namespace {

// That of the lower incomplete gamma function, or, with sign -1, of the upper one.
void gammainc_backward(GradContext& g, const char* op, double sign) {
  g.widen();
  if (g.needs(0)) fail(ErrorKind::kUnsupported, op, ": there is no gradient for a");
  // The exponent is a difference of large terms; at infinity it is none.
  const Tensor a = machinery::cast(kept_operand(g, 0), f64), x = machinery::cast(kept_operand(g, 1), f64);
  const Tensor ends = eq(x, HUGE_VAL), safe = where(ends, 1, x);
  const Tensor density = where(ends, 0, exp(xlogy(a - 1, safe) - safe - lgamma(a)) * sign);
  g.set(1, g.grad() * machinery::cast(density, g.grad().dtype()));
}

}  // namespace

HEARTH_POINTWISE(kGammainc, "gammainc", gammainc, 2, kFloatTypes, kFloat, kKeepBoth,
                 [](GradContext& g) { gammainc_backward(g, "gammainc", 1); });
HEARTH_POINTWISE(kGammaincc, "gammaincc", gammaincc, 2, kFloatTypes, kFloat, kKeepBoth,
                 [](GradContext& g) { gammainc_backward(g, "gammaincc", -1); });

namespace {

// Operand i in the dtype that the op computes in: f32 for f16 and bf16.
Tensor computed(const OpCall& c, int i) {
  const DType t = is_half(c.dtype) ? DType::kF32 : c.dtype;
  return c.is_scalar(i) ? machinery::full({}, c.scalar(i), t, c.device) : machinery::cast(c.input(i), t);
}
void compose_entr(OpCall& c) {
  const Tensor x = computed(c, 0), positive = gt(x, 0);
  const Tensor y = where(positive, x * log(where(positive, x, 1)) * -1, where(lt(x, 0), -HUGE_VAL, x));
  c.give(0, machinery::cast(y, c.dtype));
}
void compose_xlog1py(OpCall& c) {
  const Tensor a = computed(c, 0), b = computed(c, 1);
  const Tensor y = where(logical_and(eq(a, 0), logical_not(isnan(b))), 0, a * log1p(b));
  c.give(0, machinery::cast(y, c.dtype));
}

}  // namespace

extern constinit const OpDef kEntr = {
    .name = "entr",
    .kind = OpKind::kPointwise,
    .dtypes = kFloatTypes,
    .promote = Promote::kFloat,
    .autocast = AutocastPolicy::kWidest,
    .infer = broadcast,
    .save = kKeepInput,
    .compose = compose_entr,
    .backward =
        [](GradContext& g) {
          g.widen();
          g.set(0, -g.grad() * (log(g.input(0)) + 1));
        },
};
HEARTH_OP(kEntr);

extern constinit const OpDef kXlog1py = {
    .name = "xlog1py",
    .kind = OpKind::kPointwise,
    .dtypes = kFloatTypes,
    .promote = Promote::kFloat,
    .autocast = AutocastPolicy::kWidest,
    .min_inputs = 2,
    .max_inputs = 2,
    .scalars = 0b11,
    .infer = broadcast,
    .save = kKeepBoth,
    .compose = compose_xlog1py,
    .backward =
        [](GradContext& g) {
          g.widen();
          const Tensor a = kept_operand(g, 0), b = kept_operand(g, 1);
          if (g.needs(0)) {
            const Tensor none = logical_and(eq(a, 0), le(b, -1));
            g.set(0, where(none, 0, g.grad() * log1p(where(none, 0, b))));
          }
          if (g.needs(1)) g.set(1, g.grad() * a / (b + 1));
        },
};
HEARTH_OP(kXlog1py);

HEARTH_POINTWISE(kGcd, "gcd", gcd, 2, kWhole, kCommon, kKeepNothing, kNoGradient);

HEARTH_UNARY_FUNCTION(kLgamma, lgamma)
HEARTH_UNARY_FUNCTION(kDigamma, digamma)
HEARTH_UNARY_FUNCTION(kI0, i0)
HEARTH_UNARY_FUNCTION(kI0e, i0e)
HEARTH_UNARY_FUNCTION(kI1, i1)
HEARTH_UNARY_FUNCTION(kI1e, i1e)
HEARTH_UNARY_FUNCTION(kEntr, entr)
HEARTH_UNARY_FUNCTION(kErfcx, erfcx)
HEARTH_UNARY_FUNCTION(kLogNdtr, log_ndtr)
HEARTH_UNARY_FUNCTION(kNdtri, ndtri)
HEARTH_BINARY_FUNCTIONS(kGammainc, gammainc)
HEARTH_BINARY_FUNCTIONS(kGammaincc, gammaincc)
HEARTH_BINARY_FUNCTIONS(kXlog1py, xlog1py)
HEARTH_BINARY_FUNCTIONS(kZeta, zeta)
HEARTH_BINARY_FUNCTIONS(kHypot, hypot)

Tensor polygamma(int64_t n, const Tensor& x) {
  const CalledAs called("polygamma");
  HEARTH_CHECK(n >= 0, "polygamma: n must be at least 0, but is ", n);
  return run(kPolygamma, {x, Scalar(static_cast<double>(n))});
}

Tensor mvlgamma(const Tensor& x, int64_t p) {
  const CalledAs called("mvlgamma");
  expect_defined("mvlgamma", {x});
  HEARTH_CHECK(p >= 1, "mvlgamma: p must be at least 1, but is ", p);
  const auto dimensions = static_cast<double>(p);
  const Tensor wide = machinery::widened(x);
  Tensor sum = lgamma(wide) + dimensions * (dimensions - 1) / 4 * std::log(std::numbers::pi);
  for (int64_t k = 1; k < p; ++k) sum = sum + lgamma(wide - static_cast<double>(k) / 2);
  return is_half(x.dtype()) ? rounded(sum, x.dtype()) : sum;
}

namespace {

// f of operands in f32 where they are f16 or bf16, rounded once.
template <class F>
Tensor once_rounded(const char* op, const Tensor& x, F f) {
  expect_defined(op, {x});
  const Tensor y = f(machinery::widened(x));
  return is_half(x.dtype()) ? rounded(y, x.dtype()) : y;
}

}  // namespace

Tensor ndtr(const Tensor& x) {
  const CalledAs called("ndtr");
  return once_rounded("ndtr", x, [](const Tensor& t) { return erfc(t * -std::numbers::sqrt2 / 2) * 0.5; });
}

Tensor gcd(const Tensor& a, const Tensor& b) { return run(kGcd, {a, b}); }
Tensor lcm(const Tensor& a, const Tensor& b) {
  const CalledAs called("lcm");
  const Tensor d = gcd(a, b);
  // Of two zeros it is 0, as is the product.
  return abs(floor_divide(a, where(eq(d, 0), machinery::full({}, 1, d.dtype(), d.device()), d)) * b);
}

Tensor signbit(const Tensor& x) {
  const CalledAs called("signbit");
  expect_defined("signbit", {x});
  const Tensor t = x.detach();
  if (!is_floating_point(t.dtype())) return lt(t, 0);
  // Only the reciprocal tells -0 from 0; that of a NaN, whose sign does not count, is neither.
  return logical_or(lt(t, 0), logical_and(eq(t, 0), lt(reciprocal(machinery::widened(t)), 0)));
}
Tensor copysign(const Tensor& a, const Tensor& b) {
  const CalledAs called("copysign");
  expect_dtypes("copysign", a, kAllTypes);
  expect_dtypes("copysign", b, kAllTypes);
  const DType common = result_type({{Operand(a), Operand(b)}});
  const DType t = is_floating_point(common) ? common : DType::kF32;
  const Tensor size = abs(machinery::cast(a, t));
  return where(signbit(b), -size, size);
}
Tensor heaviside(const Tensor& x, const Tensor& values) {
  const CalledAs called("heaviside");
  expect_defined("heaviside", {x, values});
  HEARTH_CHECK(x.dtype() == values.dtype(), "heaviside: x is ", x.dtype(), ", the values are ", values.dtype());
  const Tensor t = x.detach();
  const Tensor step = machinery::cast(gt(t, 0), t.dtype());
  return where(eq(t, 0), values.detach(), step);
}
Tensor float_power(const Tensor& a, const Tensor& b) {
  const CalledAs called("float_power");
  expect_dtypes("float_power", a, kAllTypes);
  expect_dtypes("float_power", b, kAllTypes);
  return pow(machinery::cast(a, f64), machinery::cast(b, f64));
}
Tensor float_power(const Tensor& a, Scalar b) {
  const CalledAs called("float_power");
  expect_dtypes("float_power", a, kAllTypes);
  return pow(machinery::cast(a, f64), b);
}

}  // namespace hearth
