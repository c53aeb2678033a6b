// Public functions, most of which have no record of their own: they are made of ops.
#include <cmath>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/conv.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/pool.h"
#include "core/ops/rearrange.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {
namespace {

struct Case {
  const char* sample;
  TensorFunction call;
  SampleOptions options = {.smooth = true};
};

OpRow& add(Rows& rows, const char* name, const std::vector<Case>& cases, Accuracy accuracy = Accuracy::kExact) {
  OpRow row{.op = name, .accuracy = accuracy, .takes = kAllTypes, .composed = true};
  for (const Case& c : cases) add_golden(row, std::string(name) + "/" + c.sample, c.call, c.options);
  rows.push_back(std::move(row));
  return rows.back();
}

void pointwise_rows(Rows& rows) {
  rows.push_back(pointwise({.op = "true_divide",
                            .operands = 2,
                            .call = HEARTH_CALL(true_divide(in[0], in[1])),
                            .real = HEARTH_REAL(a / b),
                            .smooth = {{{-2, 2}, {1, 3}}},
                            .composed = true,
                            .takes = kFloatTypes}));
  rows.push_back(pointwise({.op = "relu6",
                            .call = HEARTH_CALL(relu6(in[0])),
                            .real = HEARTH_REAL(std::isnan(a) ? a : std::min(std::max(a, 0.0L), 6.0L)),
                            .whole = HEARTH_WHOLE(a < 0   ? 0
                                                  : a > 6 ? 6
                                                          : a),
                            .domain = {{{-9, 9}}},
                            .zero_sign = false,
                            .composed = true,
                            .takes = kNumberTypes}));
  rows.push_back(pointwise({.op = "selu",
                            .call = HEARTH_CALL(selu(in[0])),
                            .real = HEARTH_REAL(1.0507009873554804934193349852946L *
                                                (a > 0 ? a : 1.6732632423543772848170429916717L * std::expm1(a))),
                            .accuracy = Accuracy::kSteps,
                            .composed = true,
                            .takes = kFloatTypes}));
  rows.push_back(pointwise({.op = "logit",
                            .call = HEARTH_CALL(logit(in[0], 0.01)),
                            .real = HEARTH_REAL(std::isnan(a) ? a
                                                              : std::log(std::min(std::max(a, 0.01L), 0.99L) /
                                                                         (1 - std::min(std::max(a, 0.01L), 0.99L)))),
                            .accuracy = Accuracy::kCancels,
                            .size = HEARTH_REAL(std::isnan(a) ? 0 : 8),
                            .domain = {{{0, 1}}},
                            .smooth = {{{0.1, 0.9}}},
                            .composed = true,
                            .takes = kFloatTypes}));
}

}  // namespace

static void function_rows(Rows& rows) {
  pointwise_rows(rows);
  constexpr SampleOptions batch{.smooth = true, .batch = 1};
  constexpr Accuracy close = Accuracy::kGradient;

  add(rows, "var",
      {{"all", HEARTH_CALL(var(in[0])), {.smooth = true, .terms = 24}},
       {"rows", HEARTH_CALL(var(in[0], {1}, 0)), {.smooth = true, .batch = 1, .terms = 4}},
       {"outer", HEARTH_CALL(var(in[0], {0, 2})), {.smooth = true, .terms = 6}}},
      close);
  add(rows, "std",
      {{"all", HEARTH_CALL(std(in[0])), {.smooth = true, .terms = 24}},
       {"rows", HEARTH_CALL(std(in[0], {1}, 0)), {.smooth = true, .batch = 1, .terms = 4}},
       {"outer", HEARTH_CALL(std(in[0], {0, 2})), {.smooth = true, .terms = 6}}},
      close);
  add(rows, "norm",
      {{"0", HEARTH_CALL(norm(in[0], 0, {1})), {.batch = 1, .terms = 4}},
       {"1", HEARTH_CALL(norm(in[0], 1, {1})), {.batch = 1, .terms = 4}},
       {"2", HEARTH_CALL(norm(in[0], 2, {1})), {.smooth = true, .batch = 1, .terms = 4}},
       {"3", HEARTH_CALL(norm(in[0], 3, {1})), {.batch = 1, .terms = 4}},
       {"inf", HEARTH_CALL(norm(in[0], INFINITY, {1})), {.batch = 1, .terms = 4}}},
      close);
  add(rows, "logsumexp",
      {{"rows", HEARTH_CALL(logsumexp(in[0], {1})), {.smooth = true, .batch = 1, .terms = 4}},
       {"all", HEARTH_CALL(logsumexp(in[0])), {.smooth = true, .terms = 6}},
       {"extreme", HEARTH_CALL(logsumexp(in[0], {1})), {.batch = 1}}},
      close)
      .composed = false;
  add(rows, "count_nonzero", {{"all", HEARTH_CALL(count_nonzero(in[0])), {.batch = 1}}}).gradient = false;
  add(rows, "cumprod", {{"rows", HEARTH_CALL(cumprod(in[0], 1)), {.smooth = true, .batch = 1, .terms = 4}}}, close);
  add(rows, "repeat", {{"both", HEARTH_CALL(repeat(in[0], {2, 1, 3}))}});
  add(rows, "roll", {{"two", HEARTH_CALL(roll(in[0], {1, -2}, {0, 1}))}, {"flat", HEARTH_CALL(roll(in[0], {3}))}});
  add(rows, "tril", {{"below", HEARTH_CALL(tril(in[0], -1)), batch}});
  add(rows, "triu", {{"above", HEARTH_CALL(triu(in[0], 1))}});
  add(rows, "stack", {{"last", HEARTH_CALL(stack({in[0], in[1]}, -1)), {.smooth = true, .batch = 3}}});
  add(rows, "one_hot", {{"rows", HEARTH_CALL(one_hot(in[0], 4)), {.batch = 1}}}).gradient = false;
  add(rows, "masked_select", {{"some", HEARTH_CALL(masked_select(in[0], in[1]))}}).reads_values = true;
  OpRow& places = add(rows, "nonzero", {{"some", HEARTH_CALL(nonzero(in[0])), {}}});
  places.reads_values = true;
  places.gradient = false;
  add(rows, "isclose", {{"near", HEARTH_CALL(isclose(in[0], in[1], 0.1, 0.3)), {.batch = 3}}}).gradient = false;
  add(rows, "addmm",
      {{"scaled", HEARTH_CALL(addmm(in[0], in[1], in[2], 2, 3)), {.smooth = true, .batch = 2, .terms = 6}}}, close);
  add(rows, "conv1d",
      {{"strided",
        HEARTH_CALL(conv1d(in[0], in[1], in[2], {.stride = 2, .padding = 1})),
        {.smooth = true, .batch = 1, .terms = 7}}},
      close);
  add(rows, "avg_pool1d",
      {{"plain",
        HEARTH_CALL(avg_pool1d(in[0], 3, {.stride = 2, .padding = 1})),
        {.smooth = true, .batch = 1, .terms = 3}}},
      close);
  add(rows, "max_pool1d", {{"plain", HEARTH_CALL(max_pool1d(in[0], 3, {.stride = 2, .padding = 1})), batch}});
}

HEARTH_OP_ROWS(function_rows);

}  // namespace hearth::testing
