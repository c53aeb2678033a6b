// Core's op table: one row for each record, see core/testing/op_table.h. Rows are in the files beside this one.
#include "core/testing/op_table.h"
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

int main(int argc, char** argv) {
  using namespace hearth::testing;
  return run_op_table(argc, argv, [] {
    OpTable table;
    table.owns = [](std::string_view name) { return name.find("::") == std::string_view::npos; };
    return table;
  });
}
