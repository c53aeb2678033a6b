#include <cmath>

#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

constexpr long double kLargest = std::numeric_limits<long double>::infinity();

long double nan_of(long double a, long double b) { return a + b; }
long double maximum_of(long double a, long double b) {
  return std::isnan(a) || std::isnan(b) ? nan_of(a, b) : a > b ? a : b;
}
long double minimum_of(long double a, long double b) {
  return std::isnan(a) || std::isnan(b) ? nan_of(a, b) : a < b ? a : b;
}

// Python's // and %: what the quotient leaves has the divisor's sign.
long double remainder_of(long double a, long double b) {
  const long double m = std::fmod(a, b);
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}
long double floor_divide_of(long double a, long double b) {
  if (b == 0 || std::isnan(a) || std::isnan(b)) return a / b;
  if (std::isinf(a)) return std::numeric_limits<long double>::quiet_NaN();
  if (std::isinf(b)) return a == 0 ? a / b : (a < 0) != (b < 0) ? -1 : a / b;
  const long double m = std::fmod(a, b), q = std::nearbyint((a - m) / b);
  const long double down = m != 0 && (m < 0) != (b < 0) ? q - 1 : q;
  return down == 0 ? std::copysign(0.0L, a / b) : down;
}
__int128 floor_of(__int128 a, __int128 b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

// Modulo 2^64, as i64 multiplies.
__int128 power_of(__int128 a, __int128 b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
  unsigned __int128 r = 1, base = static_cast<unsigned __int128>(a);
  for (; b; b >>= 1, base = static_cast<uint64_t>(base * base)) {
    if (b & 1) r = static_cast<uint64_t>(r * base);
  }
  return static_cast<__int128>(r);
}
long double trunc_of(long double a) { return std::trunc(a); }
long double even_of(long double a) { return std::nearbyint(a); }

#define HEARTH_FN2(name) [](In in) -> Out { return {name(in[0], in[1])}; }
#define HEARTH_FN1(name) [](In in) -> Out { return {name(in[0])}; }

void binary(Rows& rows, PointwiseRow row, Tensor (*last)(const Tensor&, Scalar),
            Tensor (*first)(Scalar, const Tensor&)) {
  row.operands = 2;
  rows.push_back(pointwise(row));
  add_number_samples(rows.back(), row, last, first);
}

void nan_to_num_row(Rows& rows) {
  PointwiseRow row{.op = "nan_to_num",
                   .call = [](In in) -> Out { return {nan_to_num(in[0], 0.5, 3.0, -7.0)}; },
                   .real = HEARTH_REAL(std::isnan(a)    ? 0.5L
                                       : a == kLargest  ? 3
                                       : a == -kLargest ? -7
                                                        : a),
                   .whole = HEARTH_WHOLE(a),
                   .takes = kAllTypes};
  rows.push_back(pointwise(row));
  // Without numbers: the ends of the dtype.
  rows.back().samples.push_back({.name = "ends of the dtype",
                                 .inputs = [](DType t) -> Out { return {from_wide(extremes(t), {23}, t)}; },
                                 .call = [](In in) -> Out { return {nan_to_num(in[0])}; },
                                 .want = [](In in, DType t) -> std::vector<Want> {
                                   std::vector<long double> v = to_wide(in[0]);
                                   long double largest = 0;
                                   for (long double e : v) largest = std::isfinite(e) ? std::max(largest, e) : largest;
                                   for (long double& e : v) {
                                     if (std::isnan(e)) e = 0;
                                     if (std::isinf(e)) e = std::copysign(largest, e);
                                   }
                                   return {{t, in[0].shape(), v}};
                                 },
                                 .dtypes = kFloatTypes});
}

}  // namespace

static void arithmetic_rows(Rows& rows) {
  binary(rows, {.op = "add", .call = HEARTH_FN2(add), .real = HEARTH_REAL(a + b), .whole = HEARTH_WHOLE(a + b)}, add,
         add);
  binary(rows, {.op = "sub", .call = HEARTH_FN2(sub), .real = HEARTH_REAL(a - b), .whole = HEARTH_WHOLE(a - b)}, sub,
         sub);
  binary(rows, {.op = "mul", .call = HEARTH_FN2(mul), .real = HEARTH_REAL(a * b), .whole = HEARTH_WHOLE(a * b)}, mul,
         mul);
  binary(rows, {.op = "div", .call = HEARTH_FN2(div), .real = HEARTH_REAL(a / b), .smooth = {{{-2, 2}, {1, 3}}}}, div,
         div);
  binary(rows,
         {.op = "floor_divide",
          .call = HEARTH_FN2(floor_divide),
          .real = HEARTH_REAL(floor_divide_of(a, b)),
          .whole = HEARTH_WHOLE(floor_of(a, b)),
          .accuracy = Accuracy::kMath,
          .smooth = {{{2.3, 2.7}, {1, 1.05}}},
          .nonzero = 0b10},
         floor_divide, floor_divide);
  rows.push_back(pointwise({.op = "trunc_divide",
                            .operands = 2,
                            .call = HEARTH_CALL(run(kTruncDivide, {in[0], in[1]})),
                            .real = HEARTH_REAL(std::trunc(a / b)),
                            .accuracy = Accuracy::kMath,
                            .smooth = {{{2.3, 2.7}, {1, 1.05}}}}));
  binary(rows,
         {.op = "remainder",
          .call = HEARTH_FN2(remainder),
          .real = HEARTH_REAL(remainder_of(a, b)),
          .whole = HEARTH_WHOLE(a - b * floor_of(a, b)),
          .smooth = {{{-2, 2}, {2.5, 3}}},
          .nonzero = 0b10},
         remainder, remainder);
  binary(rows,
         {.op = "fmod",
          .call = HEARTH_FN2(fmod),
          .real = HEARTH_REAL(std::fmod(a, b)),
          .whole = HEARTH_WHOLE(a % b),
          .smooth = {{{3.5, 4.5}, {1.2, 1.5}}},
          .nonzero = 0b10},
         fmod, fmod);
  binary(rows,
         {.op = "pow",
          .call = HEARTH_FN2(pow),
          .real = HEARTH_REAL(std::pow(a, b)),
          .whole = HEARTH_WHOLE(power_of(a, b)),
          .accuracy = Accuracy::kMath,
          .smooth = {{{0.5, 2}, {-2, 2}}},
          .integers = {{{-9, 9}, {0, 9}}}},
         pow, pow);
  binary(rows,
         {.op = "maximum",
          .call = HEARTH_FN2(maximum),
          .real = HEARTH_REAL(maximum_of(a, b)),
          .whole = HEARTH_WHOLE(a > b ? a : b),
          .zero_sign = false},
         maximum, maximum);
  binary(rows,
         {.op = "minimum",
          .call = HEARTH_FN2(minimum),
          .real = HEARTH_REAL(minimum_of(a, b)),
          .whole = HEARTH_WHOLE(a < b ? a : b),
          .zero_sign = false},
         minimum, minimum);

  rows.push_back(pointwise({.op = "neg", .call = HEARTH_FN1(neg), .real = HEARTH_REAL(-a), .whole = HEARTH_WHOLE(-a)}));
  rows.push_back(pointwise(
      {.op = "abs", .call = HEARTH_FN1(abs), .real = HEARTH_REAL(std::abs(a)), .whole = HEARTH_WHOLE(a < 0 ? -a : a)}));
  rows.push_back(pointwise({.op = "sign",
                            .call = HEARTH_FN1(sign),
                            .real = HEARTH_REAL(std::isnan(a) ? a : static_cast<long double>((a > 0) - (a < 0))),
                            .whole = HEARTH_WHOLE((a > 0) - (a < 0)),
                            .zero_sign = false}));
  rows.push_back(pointwise(
      {.op = "square", .call = HEARTH_FN1(square), .real = HEARTH_REAL(a * a), .whole = HEARTH_WHOLE(a * a)}));
  rows.push_back(pointwise(
      {.op = "reciprocal", .call = HEARTH_FN1(reciprocal), .real = HEARTH_REAL(1 / a), .smooth = {{{0.5, 2}}}}));
  rows.push_back(pointwise({.op = "sqrt",
                            .call = HEARTH_FN1(sqrt),
                            .real = HEARTH_REAL(std::sqrt(a)),
                            .domain = {{{0, 9}}},
                            .smooth = {{{0.5, 2}}}}));
  rows.push_back(pointwise({.op = "rsqrt",
                            .call = HEARTH_FN1(rsqrt),
                            .real = HEARTH_REAL(1 / std::sqrt(a)),
                            .accuracy = Accuracy::kMath,
                            .domain = {{{0, 9}}},
                            .smooth = {{{0.5, 2}}}}));
  rows.push_back(pointwise(
      {.op = "floor", .call = HEARTH_FN1(floor), .real = HEARTH_REAL(std::floor(a)), .whole = HEARTH_WHOLE(a)}));
  rows.push_back(
      pointwise({.op = "ceil", .call = HEARTH_FN1(ceil), .real = HEARTH_REAL(std::ceil(a)), .whole = HEARTH_WHOLE(a)}));
  rows.push_back(pointwise(
      {.op = "trunc", .call = HEARTH_FN1(trunc), .real = HEARTH_REAL(trunc_of(a)), .whole = HEARTH_WHOLE(a)}));
  rows.push_back(
      pointwise({.op = "round", .call = HEARTH_FN1(round), .real = HEARTH_REAL(even_of(a)), .whole = HEARTH_WHOLE(a)}));
  rows.push_back(pointwise({.op = "frac",
                            .call = HEARTH_FN1(frac),
                            .real = HEARTH_REAL(std::isinf(a) ? a - a : a - trunc_of(a)),
                            .zero_sign = false}));

  rows.push_back(pointwise({.op = "clamp",
                            .operands = 3,
                            .call = [](In in) -> Out { return {clamp(in[0], in[1], in[2])}; },
                            .real = HEARTH_REAL(minimum_of(maximum_of(a, b), c)),
                            .whole = HEARTH_WHOLE(std::min(std::max(a, b), c)),
                            .smooth = {{{-3, 3}, {-1.5, -0.5}, {0.5, 1.5}}},
                            .zero_sign = false}));
  for (bool lower : {true, false}) {
    rows.back().samples.push_back({.name = lower ? "lower bound alone" : "upper bound alone",
                                   .inputs = [](DType t) -> Out {
                                     return {noise({2, 5}, t, -4, 4)};
                                   },
                                   .call = [lower](In in) -> Out {
                                     return {lower ? clamp(in[0], Scalar(1)) : clamp(in[0], std::nullopt, Scalar(1))};
                                   },
                                   .want = [lower](In in, DType t) -> std::vector<Want> {
                                     std::vector<long double> v = to_wide(in[0]);
                                     for (long double& e : v) e = lower ? std::max(e, 1.0L) : std::min(e, 1.0L);
                                     return {{t, in[0].shape(), v}};
                                   },
                                   .smooth = true,
                                   .batch = 1});
  }
  rows.push_back(pointwise({.op = "where",
                            .operands = 3,
                            .call = [](In in) -> Out { return {where(in[0], in[1], in[2])}; },
                            .real = HEARTH_REAL(a != 0 ? b : c),
                            .whole = HEARTH_WHOLE(a != 0 ? b : c),
                            .keeps = 1}));
  PointwiseRow lerp_row{.op = "lerp",
                        .operands = 3,
                        .call = [](In in) -> Out { return {lerp(in[0], in[1], in[2])}; },
                        .real = HEARTH_REAL(a + c * (b - a)),
                        .accuracy = Accuracy::kCancels,
                        .size = HEARTH_REAL((std::abs(a) + std::abs(b)) * (1 + std::abs(c))),
                        .domain = {{{-4, 4}, {-4, 4}, {-1, 2}}},
                        // Infinities and overflow depend on the order of the steps.
                        .extremes = false,
                        .zero_sign = false};
  rows.push_back(pointwise(lerp_row));
  PointwiseRow addcmul_row{.op = "addcmul",
                           .operands = 3,
                           .call = [](In in) -> Out { return {addcmul(in[0], in[1], in[2], 3)}; },
                           .real = HEARTH_REAL(a + 3 * b * c),
                           .whole = HEARTH_WHOLE(a + 3 * b * c),
                           .accuracy = Accuracy::kCancels,
                           .size = HEARTH_REAL(std::abs(a) + std::abs(3 * b * c)),
                           .extremes = false,
                           .zero_sign = false};
  rows.push_back(pointwise(addcmul_row));
  rows.push_back(pointwise({.op = "addcdiv",
                            .operands = 3,
                            .call = [](In in) -> Out { return {addcdiv(in[0], in[1], in[2], 3)}; },
                            .real = HEARTH_REAL(a + 3 * b / c),
                            .accuracy = Accuracy::kCancels,
                            .size = HEARTH_REAL(std::abs(a) + std::abs(3 * b / c)),
                            .domain = {{{-4, 4}, {-4, 4}, {0.5, 4}}},
                            .smooth = {{{-2, 2}, {-2, 2}, {0.5, 2}}},
                            .extremes = false,
                            .zero_sign = false}));
  nan_to_num_row(rows);
}

HEARTH_OP_ROWS(arithmetic_rows);

}  // namespace hearth::testing
