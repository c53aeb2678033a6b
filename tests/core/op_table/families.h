// What the files of core's op table share. Each brings the rows of a family, listed by HEARTH_OP_ROWS.
#pragma once

#include <vector>

#include "core/testing/golden.h"
#include "core/testing/op_row.h"
#include "core/testing/op_table.h"
#include "core/testing/pointwise_row.h"
#include "core/testing/tensors.h"

namespace hearth::testing {

using Rows = std::vector<OpRow>;

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
