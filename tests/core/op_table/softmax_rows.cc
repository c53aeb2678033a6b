#include <cmath>
#include <limits>

#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

namespace {

// Rows of 4: numbers, some of them masked; all masked; none masked.
Sample safe(const char* name, int64_t d) {
  return {.name = name,
          .inputs = [d](DType t) -> Out {
            const long double inf = std::numeric_limits<long double>::infinity();
            std::vector<long double> v{1, -inf, 0.5L, -inf, -inf, -inf, -inf, -inf, 0.25L, -1, 2, 3};
            const Tensor x = from_wide(v, {3, 4}, t);
            return {d == 1 ? x : transpose(x, 0, 1).contiguous()};
          },
          .call = [d](In in) -> Out { return {safe_softmax(in[0], d)}; },
          .want = [d](In in, DType t) -> std::vector<Want> {
            std::vector<long double> v = to_wide(in[0]);
            for (size_t i = 0; i < 3; ++i) {
              long double sum = 0;
              const auto at = [&](size_t k) -> long double& { return v[d == 1 ? i * 4 + k : k * 3 + i]; };
              for (size_t k = 0; k < 4; ++k) sum += at(k) = std::exp(at(k));
              for (size_t k = 0; k < 4 && sum > 0; ++k) at(k) /= sum;
            }
            return {{t, in[0].shape(), v}};
          },
          .terms = 4};
}

}  // namespace

static void softmax_rows(Rows& rows) {
  OpRow masked{.op = "safe_softmax", .accuracy = Accuracy::kGradient, .takes = kFloatTypes, .zero_sign = false};
  masked.samples.push_back(safe("rows", 1));
  masked.samples.push_back(safe("columns", 0));
  masked.samples.push_back({.name = "smooth",
                            .inputs = [](DType t) -> Out {
                              return {noise({3, 4}, t, -1, 1)};
                            },
                            .call = HEARTH_CALL(safe_softmax(in[0], 1)),
                            .smooth = true,
                            .batch = 1});
  rows.push_back(std::move(masked));

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

HEARTH_OP_ROWS(softmax_rows);

}  // namespace hearth::testing
