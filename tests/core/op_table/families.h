// The rows of core's op table, one file for each family.
#pragma once

#include <vector>

#include "core/testing/golden.h"
#include "core/testing/op_row.h"
#include "core/testing/pointwise_row.h"
#include "core/testing/tensors.h"

namespace hearth::testing {

using Rows = std::vector<OpRow>;

void arithmetic_rows(Rows& rows);
void math_rows(Rows& rows);
void compare_rows(Rows& rows);
void activation_rows(Rows& rows);
void machinery_rows(Rows& rows);
void view_rows(Rows& rows);
void reduce_rows(Rows& rows);
void order_rows(Rows& rows);
void index_rows(Rows& rows);
void matmul_rows(Rows& rows);
void conv_rows(Rows& rows);
void pool_rows(Rows& rows);
void norm_rows(Rows& rows);
void softmax_rows(Rows& rows);
void attention_rows(Rows& rows);
void random_rows(Rows& rows);
void rnn_rows(Rows& rows);
void optim_rows(Rows& rows);
void loss_rows(Rows& rows);
void function_rows(Rows& rows);

// Samples of tools/golden/ops.py.
const Golden& golden();

void add_golden(OpRow& row, const std::string& sample, TensorFunction call, const SampleOptions& options = {});

}  // namespace hearth::testing

// Formulas of pointwise rows over a, b, c, d: in long double, and in whole numbers.
#define HEARTH_REAL(...)                                                       \
  [](const long double* x) -> long double {                                    \
    [[maybe_unused]] const long double a = x[0], b = x[1], c = x[2], d = x[3]; \
    return __VA_ARGS__;                                                        \
  }
#define HEARTH_WHOLE(...)                                                   \
  [](const __int128* x) -> __int128 {                                       \
    [[maybe_unused]] const __int128 a = x[0], b = x[1], c = x[2], d = x[3]; \
    return __VA_ARGS__;                                                     \
  }
