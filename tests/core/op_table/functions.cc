#include "tests/core/op_table/functions.h"

namespace hearth::testing {

const Golden& layers_golden() {
  static const Golden golden("tests/core/op_table/layers_golden.safetensors");
  return golden;
}

OpRow& add_functions(Rows& rows, const char* name, const std::vector<FunctionCase>& cases, Accuracy accuracy) {
  static const Golden golden("tests/core/op_table/functions_golden.safetensors");
  return add_functions(rows, name, cases, accuracy, golden);
}
OpRow& add_functions(Rows& rows, const char* name, const std::vector<FunctionCase>& cases, Accuracy accuracy,
                     const Golden& golden) {
  OpRow row{.op = name, .accuracy = accuracy, .takes = kAllTypes, .composed = true};
  for (const FunctionCase& c : cases) {
    row.samples.push_back(golden.sample(std::string(name) + "/" + c.sample, c.call, c.options));
  }
  rows.push_back(std::move(row));
  return rows.back();
}

}  // namespace hearth::testing
