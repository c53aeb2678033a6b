#include <cmath>
#include <numbers>

#include "core/ops/math.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

// The root of erf(x) = y by bisection on erfc, which keeps its digits where erf is near 1.
long double erfinv_of(long double y) {
  if (!(std::abs(y) <= 1)) return std::numeric_limits<long double>::quiet_NaN();
  if (std::abs(y) == 1) return std::copysign(std::numeric_limits<long double>::infinity(), y);
  if (std::abs(y) < 1e-8L) return y * std::sqrt(std::numbers::pi_v<long double>) / 2;
  const long double target = 1 - std::abs(y);
  // erfinv(y) lies between y sqrt(pi) / 2 and y below 1/2.
  const bool small = std::abs(y) < 0.5L;
  long double low = small ? 0.886L * std::abs(y) : 0.4L, high = small ? std::abs(y) : 120;
  for (int i = 0; i < 72; ++i) {
    const long double middle = (low + high) / 2;
    const bool above = small ? std::erf(middle) < std::abs(y) : std::erfc(middle) > target;
    (above ? low : high) = middle;
  }
  return std::copysign((low + high) / 2, y);
}

void unary(Rows& rows, const char* op, Tensor (*f)(const Tensor&), long double (*real)(const long double*),
           Interval domain, Interval smooth, Accuracy accuracy = Accuracy::kMath) {
  rows.push_back(pointwise({.op = op,
                            .call = [f](In in) -> Out { return {f(in[0])}; },
                            .real = real,
                            .accuracy = accuracy,
                            .domain = {{domain}},
                            .smooth = {{smooth}}}));
}

}  // namespace

static void math_rows(Rows& rows) {
  unary(rows, "exp", exp, HEARTH_REAL(std::exp(a)), {-90, 90}, {-2, 2});
  unary(rows, "exp2", exp2, HEARTH_REAL(std::exp2(a)), {-140, 128}, {-2, 2});
  unary(rows, "expm1", expm1, HEARTH_REAL(std::expm1(a)), {-3, 3}, {-2, 2});
  unary(rows, "log", log, HEARTH_REAL(std::log(a)), {0, 5}, {0.5, 3});
  unary(rows, "log2", log2, HEARTH_REAL(std::log2(a)), {0, 5}, {0.5, 3});
  unary(rows, "log10", log10, HEARTH_REAL(std::log10(a)), {0, 5}, {0.5, 3});
  unary(rows, "log1p", log1p, HEARTH_REAL(std::log1p(a)), {-1, 3}, {-0.5, 3});
  unary(rows, "sin", sin, HEARTH_REAL(std::sin(a)), {-40, 40}, {-2, 2});
  unary(rows, "cos", cos, HEARTH_REAL(std::cos(a)), {-40, 40}, {-2, 2});
  unary(rows, "tan", tan, HEARTH_REAL(std::tan(a)), {-40, 40}, {-1, 1});
  unary(rows, "asin", asin, HEARTH_REAL(std::asin(a)), {-1, 1}, {-0.8, 0.8});
  unary(rows, "acos", acos, HEARTH_REAL(std::acos(a)), {-1, 1}, {-0.8, 0.8});
  unary(rows, "atan", atan, HEARTH_REAL(std::atan(a)), {-9, 9}, {-2, 2});
  unary(rows, "sinh", sinh, HEARTH_REAL(std::sinh(a)), {-90, 90}, {-2, 2});
  unary(rows, "cosh", cosh, HEARTH_REAL(std::cosh(a)), {-90, 90}, {-2, 2});
  unary(rows, "tanh", tanh, HEARTH_REAL(std::tanh(a)), {-10, 10}, {-2, 2}, Accuracy::kSteps);
  unary(rows, "asinh", asinh, HEARTH_REAL(std::asinh(a)), {-9, 9}, {-2, 2});
  unary(rows, "acosh", acosh, HEARTH_REAL(std::acosh(a)), {1, 9}, {1.5, 3});
  unary(rows, "atanh", atanh, HEARTH_REAL(std::atanh(a)), {-1, 1}, {-0.8, 0.8});
  unary(rows, "erf", erf, HEARTH_REAL(std::erf(a)), {-4, 4}, {-2, 2});
  unary(rows, "erfc", erfc, HEARTH_REAL(std::erfc(a)), {-4, 10}, {-2, 2}, Accuracy::kLibrary);
  unary(rows, "erfinv", erfinv, HEARTH_REAL(erfinv_of(a)), {-1, 1}, {-0.8, 0.8});
  rows.push_back(pointwise({.op = "atan2",
                            .operands = 2,
                            .call = [](In in) -> Out { return {atan2(in[0], in[1])}; },
                            .real = HEARTH_REAL(std::atan2(a, b)),
                            .accuracy = Accuracy::kMath,
                            .smooth = {{{0.5, 2}, {-2, 2}}}}));
  rows.push_back(pointwise({.op = "xlogy",
                            .operands = 2,
                            .call = [](In in) -> Out { return {xlogy(in[0], in[1])}; },
                            .real = HEARTH_REAL(a == 0 && !std::isnan(b) ? 0.0L : a * std::log(b)),
                            .accuracy = Accuracy::kMath,
                            .domain = {{{-4, 4}, {0.125, 8}}},
                            .smooth = {{{0.5, 2}, {0.5, 2}}}}));
}

HEARTH_OP_ROWS(math_rows);

}  // namespace hearth::testing
