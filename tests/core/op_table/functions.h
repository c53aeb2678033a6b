// Rows of functions without a record of their own, whose samples tools/golden/functions.py made.
#pragma once

#include <string>
#include <vector>

#include "tests/core/op_table/families.h"

namespace hearth::testing {

struct FunctionCase {
  const char* sample;
  TensorFunction call;
  SampleOptions options = {.smooth = true};
};

// A row of samples "<name>/<sample>". The function takes every real dtype unless the row is told otherwise.
OpRow& add_functions(Rows& rows, const char* name, const std::vector<FunctionCase>& cases,
                     Accuracy accuracy = Accuracy::kExact);
// Samples of tools/golden/layers.py.
const Golden& layers_golden();
// The same of another script's samples.
OpRow& add_functions(Rows& rows, const char* name, const std::vector<FunctionCase>& cases, Accuracy accuracy,
                     const Golden& golden);

}  // namespace hearth::testing
