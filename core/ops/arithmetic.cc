#include "core/ops/arithmetic.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/ops/activation.h"
#include "core/ops/compare.h"
#include "core/ops/complex.h"
#include "core/ops/math.h"
#include "core/ops/pointwise_record.h"

namespace hearth {
namespace {

// Operand i as it was given, a tensor or a number.
Operand kept(const GradContext& g, int i, Tensor& hold) {
  if (g.is_scalar(i)) return g.scalar(i);
  hold = g.input(i);
  return hold;
}

// Its complex conjugate, by which gradients of products go.
Operand conj_of_kept(const GradContext& g, int i, Tensor& hold) {
  if (g.is_scalar(i)) return g.scalar(i);
  hold = machinery::conj(g.input(i));
  return hold;
}

// The gradient but where the operand loses, and half of it where both are equal. Beside NaN nobody loses.
void extremum_backward(GradContext& g, const OpDef& loses, const OpDef& wins) {
  Tensor a_hold, b_hold;
  const Operand a = kept(g, 0, a_hold), b = kept(g, 1, b_hold);
  const Tensor half = run(kEq, {a, b}).to(g.grad().dtype()) * 0.5;
  const auto share = [&](const OpDef& lost) { return 1 - run(lost, {a, b}).to(g.grad().dtype()) - half; };
  // Who loses gets nothing of a gradient that is infinite, too.
  const auto part = [&](const Tensor& of) { return where(eq(of, 0), Scalar(0), g.grad() * of); };
  if (g.needs(0)) g.set(0, part(share(loses)));
  if (g.needs(1)) g.set(1, part(share(wins)));
}

void pow_backward(GradContext& g) {
  g.widen();
  Tensor a_hold, b_hold;
  const Operand a = kept(g, 0, a_hold), b = kept(g, 1, b_hold);
  if (g.needs(0)) {
    if (b.is_scalar()) {
      const double e = b.scalar().to<double>();
      g.set(0, e == 0 ? g.grad() * 0 : g.grad() * (run(kPow, {a, Scalar(e - 1)}) * e));
    } else {
      const Tensor& e = b.tensor();
      // At exponent 0 the power is constant; 0 * inf must not become NaN.
      g.set(0, where(eq(e, 0), Scalar(0), g.grad() * (e * run(kPow, {a, sub(e, 1)}))));
    }
  }
  if (g.needs(1)) {
    const Tensor log_a =
        a.is_scalar() ? machinery::full({}, std::log(a.scalar().to<double>()), g.grad().dtype(), g.grad().device())
                      : log(a.tensor());
    const Tensor d = g.grad() * (run(kPow, {a, b}) * log_a);
    // 0 stays 0 to any power above 0.
    const Tensor flat = run(kGe, {b, Scalar(0)});
    const bool of_zero = a.is_scalar() && a.scalar().to<double>() == 0;
    g.set(1, a.is_scalar() ? (of_zero ? where(flat, Scalar(0), d) : d)
                           : where(logical_and(eq(a.tensor(), 0), flat), Scalar(0), d));
  }
}

void remainder_backward(GradContext& g, bool floored) {
  g.widen();
  g.set(0, g.grad());
  if (!g.needs(1)) return;
  Tensor a_hold, b_hold;
  const Operand a = kept(g, 0, a_hold), b = kept(g, 1, b_hold);
  const Tensor q = floored ? run(kFloorDivide, {a, b}) : trunc(run(kDiv, {a, b}));
  g.set(1, -(g.grad() * q));
}

// As PyTorch: numbers as bounds take the gradient away where x is one of them or NaN; of a tensor that is a bound it
// gets half where x is equal to it. A number that is infinite bounds nothing.
void clamp_backward(GradContext& g) {
  Tensor lo_hold, hi_hold;
  const Tensor x = g.input(0);
  const Operand lo = kept(g, 1, lo_hold), hi = kept(g, 2, hi_hold);
  if (lo.is_scalar() && hi.is_scalar()) {
    const auto open = [](const Operand& bound) { return std::isinf(bound.scalar().to<double>()); };
    const Tensor inside = logical_and(run(open(lo) ? kGe : kGt, {x, lo}), run(open(hi) ? kLe : kLt, {x, hi}));
    return g.set(0, where(inside, g.grad(), Scalar(0)));
  }
  const Tensor below = run(kLt, {x, lo}), above = run(kGt, {x, hi});
  const Tensor apart = run(kLt, {lo, hi}), ordered = run(kLe, {lo, hi});
  const Tensor at_lo = logical_and(run(kEq, {x, lo}), apart), at_hi = logical_and(run(kEq, {x, hi}), apart);
  const Tensor half = g.grad() * 0.5;
  if (g.needs(0)) {
    g.set(0, where(logical_or(below, above), Scalar(0), where(logical_or(at_lo, at_hi), half, g.grad())));
  }
  if (g.needs(1)) g.set(1, where(logical_and(below, ordered), g.grad(), where(at_lo, half, Scalar(0))));
  if (g.needs(2)) {
    // With the bounds in the wrong order the result is the upper one.
    const Tensor all = logical_or(logical_and(above, ordered), run(kGt, {lo, hi}));
    g.set(2, where(all, g.grad(), where(at_hi, half, Scalar(0))));
  }
}

void lerp_backward(GradContext& g) {
  g.widen();
  Tensor w_hold;
  const Operand w = g.needs(0) || g.needs(1) ? kept(g, 2, w_hold) : Operand(std::nullopt);
  if (g.needs(0)) {
    g.set(0, w.is_scalar() ? g.grad() * (1 - w.scalar().to<double>()) : g.grad() * run(kSub, {Scalar(1), w}));
  }
  if (g.needs(1)) g.set(1, run(kMul, {g.grad(), w}));
  if (g.needs(2)) g.set(2, g.grad() * (g.input(1) - g.input(0)));
}

// The gradient of a step function, whatever comes in: 0 times infinity would be NaN.
Tensor nothing(GradContext& g, int i) {
  return machinery::full(g.input_shape(i), 0, g.grad().dtype(), g.grad().device());
}
void flat_backward(GradContext& g) {
  for (int i : {0, 1}) {
    if (g.needs(i)) g.set(i, nothing(g, i));
  }
}

void addcmul_backward(GradContext& g) {
  g.widen();
  g.set(0, g.grad());
  const Tensor d = g.grad() * g.scalar(3);
  if (g.needs(1)) g.set(1, d * g.input(2));
  if (g.needs(2)) g.set(2, d * g.input(1));
}

void addcdiv_backward(GradContext& g) {
  g.widen();
  g.set(0, g.grad());
  if (!g.needs(1) && !g.needs(2)) return;
  const Tensor d = g.grad() * g.scalar(3) / g.input(2);
  if (g.needs(1)) g.set(1, d);
  if (g.needs(2)) g.set(2, -(d * g.input(1) / g.input(2)));
}

}  // namespace

HEARTH_POINTWISE(kSub, "sub", sub, 2, kNumberTypes | kComplexTypes, kCommon, kKeepNothing, [](GradContext& g) {
  g.set(0, g.grad());
  if (g.needs(1)) g.set(1, -g.grad());
});
HEARTH_POINTWISE(kDiv, "div", div, 2, kFloatTypes | kComplexTypes, kFloat, (Save{.input = {0b10, 0b11}}),
                 [](GradContext& g) {
                   g.widen();
                   Tensor hold;
                   const Operand b = conj_of_kept(g, 1, hold);
                   const Tensor d = run(kDiv, {g.grad(), b});
                   g.set(0, d);
                   if (!g.needs(1)) return;
                   Tensor a_hold;
                   g.set(1, -(run(kMul, {d, conj_of_kept(g, 0, a_hold)}) / b.tensor()));
                 });
HEARTH_POINTWISE(kFloorDivide, "floor_divide", floor_divide, 2, kNumberTypes, kCommon, kKeepNothing, flat_backward);
HEARTH_POINTWISE(kTruncDivide, "trunc_divide", trunc_divide, 2, kFloatTypes, kCommon, kKeepNothing, flat_backward);
HEARTH_POINTWISE(kRemainder, "remainder", remainder, 2, kNumberTypes, kCommon, (Save{.input = {0b10, 0b10}}),
                 [](GradContext& g) { remainder_backward(g, true); });
HEARTH_POINTWISE(kFmod, "fmod", fmod, 2, kNumberTypes, kCommon, (Save{.input = {0b10, 0b10}}),
                 [](GradContext& g) { remainder_backward(g, false); });
HEARTH_POINTWISE(kPow, "pow", pow, 2, kNumberTypes, kCommon, kKeepBoth, pow_backward);
HEARTH_POINTWISE(kMaximum, "maximum", maximum, 2, kAllTypes, kCommon, kKeepBoth,
                 [](GradContext& g) { extremum_backward(g, kLt, kGt); });
HEARTH_POINTWISE(kMinimum, "minimum", minimum, 2, kAllTypes, kCommon, kKeepBoth,
                 [](GradContext& g) { extremum_backward(g, kGt, kLt); });

HEARTH_POINTWISE(kNeg, "neg", neg, 1, kNumberTypes | kComplexTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, -g.grad()); });
extern constinit const OpDef kAbs = {.name = "abs",
                                     .kind = OpKind::kPointwise,
                                     .dtypes = kNumberTypes | kComplexTypes,
                                     .promote = Promote::kCommon,
                                     .autocast = AutocastPolicy::kWidest,
                                     .infer = broadcast_real,
                                     .save = kKeepInput,
                                     .kernel = {cpu::abs, cuda::abs},
                                     .backward = [](GradContext& g) {
                                       const Tensor x = g.input(0);
                                       g.set(0, g.grad() * (x.is_complex() ? sgn(x) : sign(x)));
                                     }};
HEARTH_OP(kAbs);
HEARTH_POINTWISE(kSign, "sign", sign, 1, kAllTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, nothing(g, 0)); });
HEARTH_POINTWISE(kSquare, "square", square, 1, kNumberTypes | kComplexTypes, kCommon, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * (machinery::conj(g.input(0)) * 2));
});
HEARTH_POINTWISE(kReciprocal, "reciprocal", reciprocal, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  const Tensor y = g.output();
  g.set(0, -(g.grad() * y * y));
});
HEARTH_POINTWISE(kSqrt, "sqrt", sqrt, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() / (g.output() * 2));
});
HEARTH_POINTWISE(kRsqrt, "rsqrt", rsqrt, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.widen();
  const Tensor y = g.output();
  g.set(0, g.grad() * (y * y * y) * -0.5);
});
HEARTH_POINTWISE(kFloor, "floor", floor, 1, kNumberTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, nothing(g, 0)); });
HEARTH_POINTWISE(kCeil, "ceil", ceil, 1, kNumberTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, nothing(g, 0)); });
HEARTH_POINTWISE(kTrunc, "trunc", trunc, 1, kNumberTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, nothing(g, 0)); });
HEARTH_POINTWISE(kRound, "round", round, 1, kNumberTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, nothing(g, 0)); });
HEARTH_POINTWISE(kFrac, "frac", frac, 1, kFloatTypes, kCommon, kKeepNothing,
                 [](GradContext& g) { g.set(0, g.grad()); });

HEARTH_POINTWISE(kClamp, "clamp", clamp, 3, kNumberTypes, kCommon, (Save{.input = {7, 7, 7}}), clamp_backward);
HEARTH_POINTWISE(kWhere, "where", where, 3, kAllTypes | kComplexTypes, kCommon, kKeepInput, [](GradContext& g) {
  const Tensor condition = g.input(0);
  if (g.needs(1)) g.set(1, where(condition, g.grad(), Scalar(0)));
  if (g.needs(2)) g.set(2, where(condition, Scalar(0), g.grad()));
});
HEARTH_POINTWISE(kLerp, "lerp", lerp, 3, kFloatTypes, kCommon, (Save{.input = {4, 4, 3}}), lerp_backward);
HEARTH_POINTWISE(kAddcmul, "addcmul", addcmul, 4, kNumberTypes, kCommon, (Save{.input = {0, 4, 2}}), addcmul_backward);
HEARTH_POINTWISE(kAddcdiv, "addcdiv", addcdiv, 4, kFloatTypes, kCommon, (Save{.input = {0, 4, 6}}), addcdiv_backward);
HEARTH_POINTWISE(kNanToNum, "nan_to_num", nan_to_num, 4, kFloatTypes, kCommon, kKeepInput,
                 [](GradContext& g) { g.set(0, where(isfinite(g.input(0)), g.grad(), Scalar(0))); });

HEARTH_BINARY_FUNCTIONS(kAdd, add)
HEARTH_BINARY_FUNCTIONS(kSub, sub)
HEARTH_BINARY_FUNCTIONS(kMul, mul)
HEARTH_BINARY_FUNCTIONS(kDiv, div)
HEARTH_BINARY_FUNCTIONS(kDiv, true_divide)
HEARTH_BINARY_FUNCTIONS(kMaximum, maximum)
HEARTH_BINARY_FUNCTIONS(kMinimum, minimum)

namespace {
// Integers have no value for a division by zero.
void check_divisor(const char* op, const Operand& a, const Operand& b) {
  const Operand both[] = {a, b};
  if ((a.is_tensor() && !a.tensor().defined()) || (b.is_tensor() && !b.tensor().defined())) return;  // run() names it
  if (is_differentiable(result_type(both))) return;
  bool zero;
  if (b.is_scalar()) {
    zero = b.scalar().to<int64_t>() == 0;
  } else {
    const Tensor any_zero = b.tensor().eq(0).any();  // without data also for a constant of a traced function
    zero = any_zero.device().is_cpu() && any_zero.item<bool>();
  }
  HEARTH_CHECK(!zero, op, ": integer division by zero");
}
// Nor for the inverse of most of them. Where the exponents are a tensor it is cut off to 0.
void check_exponent(const char* op, const Tensor& a, Scalar b) {
  if (!a.defined() || is_differentiable(a.dtype()) || b.kind() == DTypeKind::kFloat) return;
  HEARTH_CHECK(b.to<int64_t>() >= 0, op, ": integers cannot be raised to the negative integer power ", b);
}
Tensor divide_checked(const OpDef& op, const Operand& a, const Operand& b) {
  check_divisor(op.name, a, b);
  return run(op, {a, b});
}
}  // namespace
Tensor floor_divide(const Tensor& a, const Tensor& b) { return divide_checked(kFloorDivide, a, b); }
Tensor floor_divide(const Tensor& a, Scalar b) { return divide_checked(kFloorDivide, a, b); }
Tensor floor_divide(Scalar a, const Tensor& b) { return divide_checked(kFloorDivide, a, b); }
Tensor remainder(const Tensor& a, const Tensor& b) { return divide_checked(kRemainder, a, b); }
Tensor remainder(const Tensor& a, Scalar b) { return divide_checked(kRemainder, a, b); }
Tensor remainder(Scalar a, const Tensor& b) { return divide_checked(kRemainder, a, b); }
Tensor fmod(const Tensor& a, const Tensor& b) { return divide_checked(kFmod, a, b); }
Tensor fmod(const Tensor& a, Scalar b) { return divide_checked(kFmod, a, b); }
Tensor fmod(Scalar a, const Tensor& b) { return divide_checked(kFmod, a, b); }
Tensor pow(const Tensor& a, const Tensor& b) { return run(kPow, {a, b}); }
Tensor pow(const Tensor& a, Scalar b) {
  check_exponent("pow", a, b);
  return run(kPow, {a, b});
}
Tensor pow(Scalar a, const Tensor& b) { return run(kPow, {a, b}); }

Tensor div(const Tensor& a, const Tensor& b, Rounding rounding) {
  const CalledAs called("div");
  if (rounding == Rounding::kFloor) return floor_divide(a, b);
  expect_defined("div", {a, b});
  if (is_floating_point(result_type(std::array{Operand(a), Operand(b)}))) return run(kTruncDivide, {a, b});
  // Of integers exactly: what fmod leaves over is taken away before.
  check_divisor("div", a, b);
  return run(kFloorDivide, {sub(a, run(kFmod, {a, b})), b});
}
Tensor div(const Tensor& a, Scalar b, Rounding rounding) {
  const CalledAs called("div");
  expect_defined("div", {a});
  if (rounding == Rounding::kFloor) return floor_divide(a, b);
  if (is_floating_point(result_type(std::array{Operand(a), Operand(b)}))) return run(kTruncDivide, {a, b});
  check_divisor("div", a, b);
  return run(kFloorDivide, {sub(a, run(kFmod, {a, b})), b});
}
Tensor round(const Tensor& x, int64_t decimals) {
  const CalledAs called("round");
  expect_dtypes("round", x, kFloatTypes);
  // f64 holds every product of an f16 or bf16 number and a power of ten.
  if (is_half(x.dtype())) return machinery::cast(round(machinery::cast(x, f64), decimals), x.dtype());
  const double scale = std::pow(10.0, static_cast<double>(decimals < 0 ? -decimals : decimals));
  return decimals < 0 ? round(x / scale) * scale : round(x * scale) / scale;
}

HEARTH_UNARY_METHODS(kNeg, neg)
HEARTH_UNARY_METHODS(kAbs, abs)
HEARTH_UNARY_METHODS(kSign, sign)
HEARTH_UNARY_METHODS(kSquare, square)
HEARTH_UNARY_METHODS(kReciprocal, reciprocal)
HEARTH_UNARY_METHODS(kSqrt, sqrt)
HEARTH_UNARY_METHODS(kRsqrt, rsqrt)
HEARTH_UNARY_METHODS(kFloor, floor)
HEARTH_UNARY_METHODS(kCeil, ceil)
HEARTH_UNARY_METHODS(kTrunc, trunc)
HEARTH_UNARY_METHODS(kRound, round)
HEARTH_UNARY_METHODS(kFrac, frac)

namespace {
Tensor add_multiple(const OpDef& op, const Tensor& a, const Tensor& b, Scalar alpha) {
  expect_defined(op.name, {a, b});
  // alpha has no part in the result's dtype, and the product is made in it, or for halves in f32.
  const DType t = result_type(std::array{Operand(a), Operand(b)});
  if (t == DType::kBool) return run(op, {a, mul(b, alpha.to<bool>())});
  HEARTH_CHECK(is_differentiable(t) || !is_differentiable(alpha.dtype()), op.name,
               ": alpha must be a whole number for ", t, ", but is ", alpha);
  const DType wide = is_half(t) ? f32 : t;
  return machinery::cast(run(op, {machinery::cast(a, wide), mul(machinery::cast(b, wide), alpha)}), t);
}
}  // namespace
Tensor add(const Tensor& a, const Tensor& b, Scalar alpha) { return add_multiple(kAdd, a, b, alpha); }
Tensor sub(const Tensor& a, const Tensor& b, Scalar alpha) { return add_multiple(kSub, a, b, alpha); }

namespace {
// A bound that bounds nothing, of the tensor's own kind so that it cannot promote.
Scalar open_bound(const Tensor& x, bool upper) {
  if (x.is_floating_point())
    return upper ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  return upper ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}
}  // namespace
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max) {
  expect_defined("clamp", {x});
  HEARTH_CHECK(min || max, "clamp: at least one of min and max must be given");
  return run(kClamp, {x, min ? *min : open_bound(x, false), max ? *max : open_bound(x, true)});
}
Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max) { return run(kClamp, {x, min, max}); }
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return hearth::clamp(*this, min, max);
}
Tensor& Tensor::clamp_(std::optional<Scalar> min, std::optional<Scalar> max) & {
  expect_defined("clamp_", {*this});
  HEARTH_CHECK(min || max, "clamp_: at least one of min and max must be given");
  run_into(kClamp, *this, {*this, min ? *min : open_bound(*this, false), max ? *max : open_bound(*this, true)});
  return *this;
}

namespace {
Tensor run_where(const Tensor& condition, const Operand& a, const Operand& b) {
  expect_defined("where", {condition});
  HEARTH_CHECK(condition.dtype() == DType::kBool, "where: the condition must be a bool tensor, but is ",
               condition.dtype());
  for (const auto& [number, tensor] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (!number->is_scalar() || !tensor->is_tensor() || !tensor->tensor().defined()) continue;
    const DType t = result_type(std::array{a, b});
    HEARTH_CHECK(fits(number->scalar(), t), "where: the number ", number->scalar(), " does not fit into ", t);
  }
  return run(kWhere, {condition, a, b});
}
}  // namespace
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) { return run_where(condition, a, b); }
Tensor where(const Tensor& condition, const Tensor& a, Scalar b) { return run_where(condition, a, b); }
Tensor where(const Tensor& condition, Scalar a, const Tensor& b) { return run_where(condition, a, b); }
Tensor where(const Tensor& condition, Scalar a, Scalar b) { return run_where(condition, a, b); }
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight) { return run(kLerp, {start, end, weight}); }
Tensor lerp(const Tensor& start, const Tensor& end, Scalar weight) { return run(kLerp, {start, end, weight}); }
Tensor Tensor::lerp(const Tensor& end, Scalar weight) const { return run(kLerp, {*this, end, weight}); }
Tensor Tensor::lerp(const Tensor& end, const Tensor& weight) const { return run(kLerp, {*this, end, weight}); }
Tensor& Tensor::lerp_(const Tensor& end, Scalar weight) & {
  run_into(kLerp, *this, {*this, end, weight});
  return *this;
}
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value) {
  return run(kAddcmul, {x, a, b, value});
}
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar value) {
  return run(kAddcdiv, {x, a, b, value});
}
Tensor Tensor::addcmul(const Tensor& a, const Tensor& b, Scalar value) const {
  return run(kAddcmul, {*this, a, b, value});
}
Tensor Tensor::addcdiv(const Tensor& a, const Tensor& b, Scalar value) const {
  return run(kAddcdiv, {*this, a, b, value});
}
Tensor& Tensor::addcmul_(const Tensor& a, const Tensor& b, Scalar value) & {
  run_into(kAddcmul, *this, {*this, a, b, value});
  return *this;
}
Tensor& Tensor::addcdiv_(const Tensor& a, const Tensor& b, Scalar value) & {
  run_into(kAddcdiv, *this, {*this, a, b, value});
  return *this;
}

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf, std::optional<double> neginf) {
  expect_dtypes("nan_to_num", x, kAllTypes);
  // Integers have nothing to replace.
  if (!x.is_floating_point()) return x.clone();
  const double largest = traits(x.dtype()).max;
  return run(kNanToNum, {x, nan, posinf.value_or(largest), neginf.value_or(-largest)});
}
Tensor Tensor::nan_to_num(double nan, std::optional<double> posinf, std::optional<double> neginf) const {
  return hearth::nan_to_num(*this, nan, posinf, neginf);
}

namespace {
// The number as one of x's kind, so that it cannot change the dtype.
Scalar of_kind(const char* op, const Tensor& x, const Tensor& mask, Scalar value) {
  expect_defined(op, {x, mask});
  HEARTH_CHECK(mask.dtype() == DType::kBool, op, ": the mask must be a bool tensor, but is ", mask.dtype());
  HEARTH_CHECK(fits(value, x.dtype()), op, ": the number ", value, " does not fit into ", x.dtype());
  if (is_differentiable(x.dtype())) return value;
  return x.dtype() == DType::kBool ? Scalar(value.to<bool>()) : Scalar(value.to<int64_t>());
}
Tensor of_dtype(const char* op, const Tensor& x, const Tensor& mask, const Tensor& value) {
  expect_defined(op, {x, mask, value});
  HEARTH_CHECK(mask.dtype() == DType::kBool, op, ": the mask must be a bool tensor, but is ", mask.dtype());
  return value.to(x.dtype());
}
}  // namespace
Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  return run(kWhere, {mask, of_kind("masked_fill", *this, mask, value), *this});
}
Tensor Tensor::masked_fill(const Tensor& mask, const Tensor& value) const {
  return run(kWhere, {mask, of_dtype("masked_fill", *this, mask, value), *this});
}
Tensor& Tensor::masked_fill_(const Tensor& mask, Scalar value) & {
  run_into(kWhere, *this, {mask, of_kind("masked_fill_", *this, mask, value), *this});
  return *this;
}
Tensor& Tensor::masked_fill_(const Tensor& mask, const Tensor& value) & {
  run_into(kWhere, *this, {mask, of_dtype("masked_fill_", *this, mask, value), *this});
  return *this;
}

#define HEARTH_METHODS(name)                                                    \
  Tensor Tensor::name(const Tensor& o) const { return hearth::name(*this, o); } \
  Tensor Tensor::name(Scalar o) const { return hearth::name(*this, o); }
HEARTH_METHODS(add)
HEARTH_METHODS(sub)
HEARTH_METHODS(mul)
HEARTH_METHODS(div)
HEARTH_METHODS(pow)
HEARTH_METHODS(remainder)
HEARTH_METHODS(fmod)
HEARTH_METHODS(floor_divide)
Tensor Tensor::maximum(const Tensor& o) const { return hearth::maximum(*this, o); }
Tensor Tensor::minimum(const Tensor& o) const { return hearth::minimum(*this, o); }

Tensor& Tensor::pow_(const Tensor& o) & {
  run_into(kPow, *this, {*this, o});
  return *this;
}
Tensor& Tensor::pow_(Scalar o) & {
  check_exponent("pow_", *this, o);
  run_into(kPow, *this, {*this, o});
  return *this;
}
#define HEARTH_IN_PLACE_CHECKED(name, record) \
  Tensor& Tensor::name(const Tensor& o)& {    \
    check_divisor(#name, *this, o);           \
    run_into(record, *this, {*this, o});      \
    return *this;                             \
  }                                           \
  Tensor& Tensor::name(Scalar o)& {           \
    check_divisor(#name, *this, o);           \
    run_into(record, *this, {*this, o});      \
    return *this;                             \
  }
HEARTH_IN_PLACE_CHECKED(fmod_, kFmod)
HEARTH_IN_PLACE_CHECKED(remainder_, kRemainder)
HEARTH_IN_PLACE_CHECKED(floor_divide_, kFloorDivide)
Tensor& Tensor::lerp_(const Tensor& end, const Tensor& weight) & {
  run_into(kLerp, *this, {*this, end, weight});
  return *this;
}
Tensor& Tensor::nan_to_num_(double nan, std::optional<double> posinf, std::optional<double> neginf) & {
  expect_dtypes("nan_to_num_", *this, kAllTypes);
  if (!is_floating_point()) return *this;
  const double largest = traits(dtype()).max;
  run_into(kNanToNum, *this, {*this, nan, posinf.value_or(largest), neginf.value_or(-largest)});
  return *this;
}
Tensor& Tensor::clamp_(const Tensor& min, const Tensor& max) & {
  run_into(kClamp, *this, {*this, min, max});
  return *this;
}
Tensor Tensor::clamp(const Tensor& min, const Tensor& max) const { return hearth::clamp(*this, min, max); }

#define HEARTH_IN_PLACE(name, record, symbol)                               \
  Tensor& Tensor::name(const Tensor& o)& {                                  \
    run_into(record, *this, {*this, o});                                    \
    return *this;                                                           \
  }                                                                         \
  Tensor& Tensor::name(Scalar o)& {                                         \
    run_into(record, *this, {*this, o});                                    \
    return *this;                                                           \
  }                                                                         \
  Tensor& operator symbol(Tensor& a, const Tensor& b) { return a.name(b); } \
  Tensor& operator symbol(Tensor& a, Scalar b) { return a.name(b); }
HEARTH_IN_PLACE(add_, kAdd, +=)
HEARTH_IN_PLACE(sub_, kSub, -=)
HEARTH_IN_PLACE(mul_, kMul, *=)
HEARTH_IN_PLACE(div_, kDiv, /=)

namespace {

// True if nobody can see that the tensor's memory is reused for a result of this shape and dtype: handle and storage
// have one owner, the memory is our allocator's, and neither autograd nor an interposer looks on.
bool donatable(const Tensor& t, const Operand& other) {
  if (!t.defined() || thread_state.interposer) return false;
  const TensorImpl& i = *t.impl();
  if (i.use_count() != 1 || i.base || i.meta || !i.storage->owned() || i.storage->use_count() != 1 || !i.layout.dense)
    return false;
  if (!is_floating_point(i.dtype)) return false;
  if (other.is_scalar()) return true;
  if (!other.tensor().defined()) return false;
  const TensorImpl& o = *other.tensor().impl();
  return o.dtype == i.dtype && o.layout.shape == i.layout.shape && o.storage->device() == i.storage->device() &&
         !(thread_state.grad_enabled && needs_grad(o)) && &o != &i;
}

Tensor reuse(const OpDef& op, Tensor& memory, const Operand& a, const Operand& b) {
  run_into(op, memory, {a, b});
  return std::move(memory);
}

}  // namespace

#define HEARTH_OPERATOR(symbol, record)                                                    \
  Tensor operator symbol(const Tensor& a, const Tensor& b) { return run(record, {a, b}); } \
  Tensor operator symbol(const Tensor& a, Scalar b) { return run(record, {a, b}); }        \
  Tensor operator symbol(Scalar a, const Tensor& b) { return run(record, {a, b}); }        \
  Tensor operator symbol(Tensor&& a, const Tensor& b) {                                    \
    return donatable(a, b) ? reuse(record, a, a, b) : run(record, {a, b});                 \
  }                                                                                        \
  Tensor operator symbol(const Tensor& a, Tensor&& b) {                                    \
    return donatable(b, a) ? reuse(record, b, a, b) : run(record, {a, b});                 \
  }                                                                                        \
  Tensor operator symbol(Tensor&& a, Tensor&& b) {                                         \
    if (donatable(a, b)) return reuse(record, a, a, b);                                    \
    return donatable(b, a) ? reuse(record, b, a, b) : run(record, {a, b});                 \
  }                                                                                        \
  Tensor operator symbol(Tensor&& a, Scalar b) {                                           \
    return donatable(a, b) ? reuse(record, a, a, b) : run(record, {a, b});                 \
  }                                                                                        \
  Tensor operator symbol(Scalar a, Tensor&& b) {                                           \
    return donatable(b, a) ? reuse(record, b, a, b) : run(record, {a, b});                 \
  }
HEARTH_OPERATOR(+, kAdd)
HEARTH_OPERATOR(-, kSub)
HEARTH_OPERATOR(*, kMul)
HEARTH_OPERATOR(/, kDiv)
Tensor operator-(const Tensor& a) { return run(kNeg, {a}); }

}  // namespace hearth
