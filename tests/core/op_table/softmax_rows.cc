#include "core/ops/softmax.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

void softmax_rows(Rows& rows) {
  for (const char* op : {"softmax", "log_softmax"}) {
    const bool log = op == std::string("log_softmax");
    // f16 and bf16 are computed in f32 by the public functions.
    OpRow row{.op = op, .accuracy = Accuracy::kGradient, .takes = kFloatTypes, .zero_sign = false};
    const auto along = [log](int64_t d) -> TensorFunction {
      return [log, d](In in) -> Out { return {log ? log_softmax(in[0], d) : softmax(in[0], d)}; };
    };
    const std::string name = op;
    add_golden(row, name + "/last", along(-1), {.smooth = true, .batch = 1, .terms = 5});
    add_golden(row, name + "/first", along(0), {.smooth = true, .batch = 1, .terms = 4});
    add_golden(row, name + "/middle", along(1), {.smooth = true, .batch = 1, .terms = 4});
    add_golden(row, name + "/0-dim", along(0), {.smooth = true});
    add_golden(row, name + "/long", along(1), {.batch = 1, .terms = 1000});
    add_golden(row, name + "/nothing", along(1));
    add_golden(row, name + "/extreme", along(1), {.batch = 1, .terms = 3});
    rows.push_back(std::move(row));
  }
}

}  // namespace hearth::testing
