#include "core/ops/matmul.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

void matmul_rows(Rows& rows) {
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
}

}  // namespace hearth::testing
