#include <cmath>

#include "core/ops/compare.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

using Both = Tensor (*)(const Tensor&, const Tensor&);

void binary(Rows& rows, const char* op, Both f, Tensor (*last)(const Tensor&, Scalar),
            Tensor (*first)(Scalar, const Tensor&), long double (*real)(const long double*),
            __int128 (*whole)(const __int128*)) {
  const PointwiseRow row{.op = op,
                         .operands = 2,
                         .call = [f](In in) -> Out { return {f(in[0], in[1])}; },
                         .real = real,
                         .whole = whole,
                         .domain = {{{-2, 2}, {-2, 2}}},
                         .integers = {{{-2, 2}, {-2, 2}}},
                         .gradient = false};
  rows.push_back(pointwise(row));
  add_number_samples(rows.back(), row, last, first);
}

void unary(Rows& rows, const char* op, Tensor (*f)(const Tensor&), long double (*real)(const long double*),
           __int128 (*whole)(const __int128*), std::optional<DTypeSet> takes = std::nullopt) {
  rows.push_back(pointwise({.op = op,
                            .call = [f](In in) -> Out { return {f(in[0])}; },
                            .real = real,
                            .whole = whole,
                            .gradient = false,
                            .takes = takes}));
}

}  // namespace

#define HEARTH_EACH(expression) HEARTH_REAL(static_cast<long double>(expression)), HEARTH_WHOLE(expression)

static void compare_rows(Rows& rows) {
  binary(rows, "eq", eq, eq, eq, HEARTH_EACH(a == b));
  binary(rows, "ne", ne, ne, ne, HEARTH_EACH(a != b));
  binary(rows, "lt", lt, lt, lt, HEARTH_EACH(a < b));
  binary(rows, "le", le, le, le, HEARTH_EACH(a <= b));
  binary(rows, "gt", gt, gt, gt, HEARTH_EACH(a > b));
  binary(rows, "ge", ge, ge, ge, HEARTH_EACH(a >= b));
  binary(rows, "logical_and", logical_and, nullptr, nullptr, HEARTH_EACH(a != 0 && b != 0));
  binary(rows, "logical_or", logical_or, nullptr, nullptr, HEARTH_EACH(a != 0 || b != 0));
  binary(rows, "logical_xor", logical_xor, nullptr, nullptr, HEARTH_EACH((a != 0) != (b != 0)));
  unary(rows, "logical_not", logical_not, HEARTH_EACH(a == 0));
  // Integers are always finite: the public functions answer without the op.
  unary(rows, "isnan", isnan, HEARTH_REAL(std::isnan(a)), HEARTH_WHOLE(0), kAllTypes | kComplexTypes);
  unary(rows, "isinf", isinf, HEARTH_REAL(std::isinf(a)), HEARTH_WHOLE(0), kAllTypes | kComplexTypes);
  unary(rows, "isfinite", isfinite, HEARTH_REAL(std::isfinite(a)), HEARTH_WHOLE(1), kAllTypes | kComplexTypes);
  binary(rows, "bitwise_and", bitwise_and, bitwise_and, bitwise_and, nullptr, HEARTH_WHOLE(a & b));
  binary(rows, "bitwise_or", bitwise_or, bitwise_or, bitwise_or, nullptr, HEARTH_WHOLE(a | b));
  binary(rows, "bitwise_xor", bitwise_xor, bitwise_xor, bitwise_xor, nullptr, HEARTH_WHOLE(a ^ b));
  // ~ of bool is logical_not.
  unary(rows, "bitwise_not", bitwise_not, nullptr, HEARTH_WHOLE(~a), kIntAndBoolTypes);
  for (Sample& s : rows.back().samples) s.dtypes = kIntTypes;
  rows.back().samples.push_back({.name = "bool",
                                 .inputs = [](DType) -> Out { return {noise({5}, boolean)}; },
                                 .call = [](In in) -> Out { return {bitwise_not(in[0])}; },
                                 .want = [](In in, DType) -> std::vector<Want> {
                                   std::vector<long double> v = to_wide(in[0]);
                                   for (long double& e : v) e = 1 - e;
                                   return {{boolean, in[0].shape(), v}};
                                 },
                                 .dtypes = DTypeSet{boolean}});
  binary(rows, "bitwise_left_shift", bitwise_left_shift, bitwise_left_shift, bitwise_left_shift, nullptr,
         HEARTH_WHOLE(b < 0 || b > 63 ? 0 : static_cast<__int128>(static_cast<unsigned __int128>(a) << b)));
  binary(rows, "bitwise_right_shift", bitwise_right_shift, bitwise_right_shift, bitwise_right_shift, nullptr,
         HEARTH_WHOLE(a >> (b < 0 || b > 63 ? 63 : b)));
}

HEARTH_OP_ROWS(compare_rows);

}  // namespace hearth::testing
