#include "tests/core/op_table/families.h"

namespace hearth::testing {

const Golden& golden() {
  static const Golden file("tests/core/op_table/golden.safetensors");
  return file;
}

void add_golden(OpRow& row, const std::string& sample, TensorFunction call, const SampleOptions& options) {
  row.samples.push_back(golden().sample(sample, std::move(call), options));
}

}  // namespace hearth::testing
