#include "core/ops/compare.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/complex.h"
#include "core/ops/pointwise_record.h"

namespace hearth {

HEARTH_POINTWISE(kEq, "eq", eq, 2, kAllTypes | kComplexTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kNe, "ne", ne, 2, kAllTypes | kComplexTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLt, "lt", lt, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLe, "le", le, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kGt, "gt", gt, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kGe, "ge", ge, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLogicalAnd, "logical_and", logical_and, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLogicalOr, "logical_or", logical_or, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLogicalXor, "logical_xor", logical_xor, 2, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kLogicalNot, "logical_not", logical_not, 1, kAllTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kIsnan, "isnan", isnan, 1, kFloatTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kIsinf, "isinf", isinf, 1, kFloatTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kIsfinite, "isfinite", isfinite, 1, kFloatTypes, kBool, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kBitwiseAnd, "bitwise_and", bitwise_and, 2, kIntAndBoolTypes, kCommon, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kBitwiseOr, "bitwise_or", bitwise_or, 2, kIntAndBoolTypes, kCommon, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kBitwiseXor, "bitwise_xor", bitwise_xor, 2, kIntAndBoolTypes, kCommon, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kBitwiseNot, "bitwise_not", bitwise_not, 1, kIntTypes, kCommon, kKeepNothing, kNoGradient);
HEARTH_POINTWISE(kBitwiseLeftShift, "bitwise_left_shift", bitwise_left_shift, 2, kIntTypes, kCommon, kKeepNothing,
                 kNoGradient);
HEARTH_POINTWISE(kBitwiseRightShift, "bitwise_right_shift", bitwise_right_shift, 2, kIntTypes, kCommon, kKeepNothing,
                 kNoGradient);

#define HEARTH_COMPARE(record, name, symbol)                                               \
  HEARTH_BINARY_FUNCTIONS(record, name)                                                    \
  Tensor Tensor::name(const Tensor& o) const { return run(record, {*this, o}); }           \
  Tensor Tensor::name(Scalar o) const { return run(record, {*this, o}); }                  \
  Tensor operator symbol(const Tensor& a, const Tensor& b) { return run(record, {a, b}); } \
  Tensor operator symbol(const Tensor& a, Scalar b) { return run(record, {a, b}); }        \
  Tensor operator symbol(Scalar a, const Tensor& b) { return run(record, {a, b}); }
HEARTH_COMPARE(kEq, eq, ==)
HEARTH_COMPARE(kNe, ne, !=)
HEARTH_COMPARE(kLt, lt, <)
HEARTH_COMPARE(kLe, le, <=)
HEARTH_COMPARE(kGt, gt, >)
HEARTH_COMPARE(kGe, ge, >=)
HEARTH_COMPARE(kBitwiseAnd, bitwise_and, &)
HEARTH_COMPARE(kBitwiseOr, bitwise_or, |)
HEARTH_COMPARE(kBitwiseXor, bitwise_xor, ^)
HEARTH_BINARY_FUNCTIONS(kBitwiseLeftShift, bitwise_left_shift)
HEARTH_BINARY_FUNCTIONS(kBitwiseRightShift, bitwise_right_shift)
Tensor Tensor::bitwise_left_shift(const Tensor& o) const { return hearth::bitwise_left_shift(*this, o); }
Tensor Tensor::bitwise_left_shift(Scalar o) const { return hearth::bitwise_left_shift(*this, o); }
Tensor Tensor::bitwise_right_shift(const Tensor& o) const { return hearth::bitwise_right_shift(*this, o); }
Tensor Tensor::bitwise_right_shift(Scalar o) const { return hearth::bitwise_right_shift(*this, o); }

Tensor bitwise_not(const Tensor& x) {
  expect_defined("bitwise_not", {x});
  return x.dtype() == DType::kBool ? run(kLogicalNot, {x}) : run(kBitwiseNot, {x});
}
Tensor Tensor::bitwise_not() const { return hearth::bitwise_not(*this); }
Tensor operator~(const Tensor& x) { return bitwise_not(x); }

#define HEARTH_LOGICAL(record, name)                                            \
  Tensor name(const Tensor& a, const Tensor& b) { return run(record, {a, b}); } \
  Tensor Tensor::name(const Tensor& o) const { return run(record, {*this, o}); }
HEARTH_LOGICAL(kLogicalAnd, logical_and)
HEARTH_LOGICAL(kLogicalOr, logical_or)
HEARTH_LOGICAL(kLogicalXor, logical_xor)
Tensor logical_not(const Tensor& x) { return run(kLogicalNot, {x}); }
Tensor Tensor::logical_not() const { return run(kLogicalNot, {*this}); }

#define HEARTH_IN_PLACE(name, record)      \
  Tensor& Tensor::name(const Tensor& o)& { \
    run_into(record, *this, {*this, o});   \
    return *this;                          \
  }                                        \
  Tensor& Tensor::name(Scalar o)& {        \
    run_into(record, *this, {*this, o});   \
    return *this;                          \
  }
HEARTH_IN_PLACE(eq_, kEq)
HEARTH_IN_PLACE(ne_, kNe)
HEARTH_IN_PLACE(lt_, kLt)
HEARTH_IN_PLACE(le_, kLe)
HEARTH_IN_PLACE(gt_, kGt)
HEARTH_IN_PLACE(ge_, kGe)
HEARTH_IN_PLACE(bitwise_and_, kBitwiseAnd)
HEARTH_IN_PLACE(bitwise_or_, kBitwiseOr)
HEARTH_IN_PLACE(bitwise_xor_, kBitwiseXor)
HEARTH_IN_PLACE(bitwise_left_shift_, kBitwiseLeftShift)
HEARTH_IN_PLACE(bitwise_right_shift_, kBitwiseRightShift)
#define HEARTH_IN_PLACE_LOGICAL(name, record) \
  Tensor& Tensor::name(const Tensor& o)& {    \
    run_into(record, *this, {*this, o});      \
    return *this;                             \
  }
HEARTH_IN_PLACE_LOGICAL(logical_and_, kLogicalAnd)
HEARTH_IN_PLACE_LOGICAL(logical_or_, kLogicalOr)
HEARTH_IN_PLACE_LOGICAL(logical_xor_, kLogicalXor)
Tensor& Tensor::logical_not_() & {
  run_into(kLogicalNot, *this, {*this});
  return *this;
}
Tensor& Tensor::bitwise_not_() & {
  expect_defined("bitwise_not_", {*this});
  run_into(dtype() == DType::kBool ? kLogicalNot : kBitwiseNot, *this, {*this});
  return *this;
}

namespace {
// Integers are always finite: no float kernel is asked.
Tensor test(const OpDef& op, const Tensor& x, bool of_integers) {
  expect_defined(op.name, {x});
  if (x.is_floating_point()) return run(op, {x});
  if (x.is_complex()) {  // of either part
    const Tensor re = test(op, real(x), of_integers), im = test(op, imag(x), of_integers);
    return of_integers ? logical_and(re, im) : logical_or(re, im);
  }
  return machinery::full(x.shape(), of_integers, DType::kBool, x.device());
}
}  // namespace
Tensor isnan(const Tensor& x) { return test(kIsnan, x, false); }
Tensor isinf(const Tensor& x) { return test(kIsinf, x, false); }
Tensor isfinite(const Tensor& x) { return test(kIsfinite, x, true); }
Tensor Tensor::isnan() const { return hearth::isnan(*this); }
Tensor Tensor::isinf() const { return hearth::isinf(*this); }
Tensor Tensor::isfinite() const { return hearth::isfinite(*this); }

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  const CalledAs called("isclose");
  expect_defined("isclose", {a, b});
  HEARTH_CHECK(a.dtype() == b.dtype(), "isclose: the tensors are of dtypes ", a.dtype(), " and ", b.dtype());
  HEARTH_CHECK(rtol >= 0 && atol >= 0, "isclose: the tolerances must not be negative, but are ", rtol, " and ", atol);
  if (is_half(a.dtype())) return isclose(machinery::widened(a), machinery::widened(b), rtol, atol, equal_nan);
  Tensor close = eq(a, b);
  if (is_differentiable(a.dtype())) {
    close = logical_or(close, logical_and(isfinite(a - b), le(abs(a - b), abs(b) * rtol + atol)));
    if (equal_nan) close = logical_or(close, logical_and(isnan(a), isnan(b)));
  } else if (rtol > 0 || atol > 0) {
    close = logical_or(close, le(abs(a.to(f64) - b.to(f64)), abs(b.to(f64)) * rtol + atol));
  }
  return close;
}
bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  const CalledAs called("allclose");
  detail::expect_values(a, "allclose");
  return isclose(a, b, rtol, atol, equal_nan).all().item<bool>();
}
bool equal(const Tensor& a, const Tensor& b) {
  const CalledAs called("equal");
  expect_defined("equal", {a, b});
  detail::expect_values(a, "equal");
  return a.shape() == b.shape() && eq(a, b).all().item<bool>();
}
bool Tensor::equal(const Tensor& o) const { return hearth::equal(*this, o); }
bool Tensor::allclose(const Tensor& o, double rtol, double atol, bool equal_nan) const {
  return hearth::allclose(*this, o, rtol, atol, equal_nan);
}

}  // namespace hearth
