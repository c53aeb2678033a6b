#include "core/ops/matmul.h"

#include "core/op/attrs/matmul.h"
#include "core/op/run.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

static void matmul_rows(Rows& rows) {
  const TensorFunction product = HEARTH_CALL(matmul(in[0], in[1]));
  OpRow mat{.op = "matmul", .accuracy = Accuracy::kSum};
  add_golden(mat, "matmul/small", product, {.smooth = true, .batch = 1, .terms = 4});
  add_golden(mat, "matmul/vectors", product, {.smooth = true, .terms = 5});
  add_golden(mat, "matmul/row", product, {.smooth = true, .terms = 4});
  add_golden(mat, "matmul/column", product, {.smooth = true, .batch = 1, .terms = 4});
  add_golden(mat, "matmul/batched", product, {.smooth = true, .batch = 1, .terms = 4});
  add_golden(mat, "matmul/shared", product, {.smooth = true, .batch = 1, .terms = 4});
  add_golden(mat, "matmul/large", product, {.batch = 1, .terms = 90});
  add_golden(mat, "matmul/special", product, {.batch = 1, .terms = 3});
  add_golden(mat, "matmul/no terms", product, {.batch = 1});
  add_golden(mat, "matmul/nothing", product, {});
  rows.push_back(std::move(mat));

  const TensorFunction with_bias = HEARTH_CALL(linear(in[0], in[1], in[2]));
  OpRow lin{.op = "linear", .accuracy = Accuracy::kSum};
  add_golden(lin, "linear/bias", with_bias, {.smooth = true, .batch = 1, .terms = 5});
  add_golden(lin, "linear/plain", HEARTH_CALL(linear(in[0], in[1])), {.smooth = true, .batch = 1, .terms = 4});
  add_golden(lin, "linear/vector", with_bias, {.smooth = true, .terms = 5});
  add_golden(lin, "linear/large", with_bias, {.batch = 1, .terms = 131});
  rows.push_back(std::move(lin));

  OpRow weights{.op = "linear_weights", .accuracy = Accuracy::kSum};
  for (const bool bias : {true, false}) {
    weights.samples.push_back({.name = bias ? "bias" : "no bias",
                               .inputs = [](DType t) -> Out {
                                 return {noise({2, 3, 5}, t, -3, 3, 1), noise({2, 3, 4}, t, -3, 3, 2)};
                               },
                               .call = [bias](In in) -> Out {
                                 const auto r = run_all(kLinearWeights, {in[0], in[1]}, LinearWeightsAttrs{bias});
                                 return {r[0], r[1]};
                               },
                               .want = [bias](In in, DType t) -> std::vector<Want> {
                                 const std::vector<long double> x = to_wide(in[0]), d = to_wide(in[1]);
                                 Want weight{t, {4, 5}, std::vector<long double>(20)};
                                 Want sums{t, {bias ? 4 : 0}, std::vector<long double>(bias ? 4 : 0)};
                                 for (size_t row = 0; row < 6; ++row) {
                                   for (size_t o = 0; o < 4; ++o) {
                                     if (bias) sums.values[o] += d[row * 4 + o];
                                     for (size_t i = 0; i < 5; ++i)
                                       weight.values[o * 5 + i] += d[row * 4 + o] * x[row * 5 + i];
                                   }
                                 }
                                 return {weight, sums};
                               },
                               .smooth = true,
                               .batch = 3,
                               .terms = 6});
  }
  rows.push_back(std::move(weights));
}

HEARTH_OP_ROWS(matmul_rows);

}  // namespace hearth::testing
