// Elementwise functions, dtypes as arguments, scattering, runs.
#include "core/ops/arithmetic.h"
#include "core/ops/dtype_argument.h"
#include "core/ops/pointwise_functions.h"
#include "core/ops/scatter_reduce.h"
#include "core/ops/unique_consecutive.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

void dtype_rows(Rows& rows) {
  constexpr SampleOptions smooth{.smooth = true, .batch = 1, .terms = 4};
  constexpr Accuracy close = Accuracy::kGradient;
  add_functions(rows, "sum_dtype", {{"i32", HEARTH_CALL(sum(in[0], 1, false, i32)), {.batch = 1}}}).gradient = false;
  add_functions(rows, "mean_dtype", {{"f64", HEARTH_CALL(mean(in[0], 0, false, f64)), {.smooth = true, .terms = 3}}},
                close);
  add_functions(rows, "prod_dtype", {{"f64", HEARTH_CALL(prod(in[0], 1, false, f64)), smooth}}, close);
  add_functions(rows, "cumsum_dtype", {{"f64", HEARTH_CALL(cumsum(in[0], 1, f64)), smooth}}, close);
  add_functions(rows, "cumprod_dtype", {{"f64", HEARTH_CALL(cumprod(in[0], 1, f64)), smooth}}, close);
  add_functions(rows, "softmax_dtype", {{"f64", HEARTH_CALL(softmax(in[0], 1, f64)), smooth}}, close);
  add_functions(rows, "log_softmax_dtype", {{"f64", HEARTH_CALL(log_softmax(in[0], 1, f64)), smooth}}, close);
}

void elementwise_rows(Rows& rows) {
  constexpr SampleOptions plain{}, smooth{.smooth = true, .batch = 1};
  constexpr Accuracy close = Accuracy::kGradient;
  add_functions(rows, "ldexp", {{"some", HEARTH_CALL(ldexp(in[0], in[1])), smooth}}, close).takes = kFloatTypes;
  add_functions(rows, "fmax",
                {{"broadcast", HEARTH_CALL(fmax(in[0], in[1])), {.batch = 1}},
                 {"apart", HEARTH_CALL(fmax(in[0], in[1] + 0.0625)), smooth},
                 {"special", HEARTH_CALL(fmax(in[0], in[1])), plain}})
      .zero_sign = false;
  add_functions(rows, "fmin",
                {{"broadcast", HEARTH_CALL(fmin(in[0], in[1])), {.batch = 1}},
                 {"apart", HEARTH_CALL(fmin(in[0], in[1] + 0.0625)), smooth},
                 {"special", HEARTH_CALL(fmin(in[0], in[1])), plain}})
      .zero_sign = false;
  add_functions(rows, "logaddexp",
                {{"broadcast", HEARTH_CALL(logaddexp(in[0], in[1])), plain},
                 {"apart", HEARTH_CALL(logaddexp(in[0], in[1] + 0.0625)), smooth},
                 {"special", HEARTH_CALL(logaddexp(in[0], in[1])), plain},
                 {"far", HEARTH_CALL(logaddexp(in[0], in[1])), plain}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "logaddexp2",
                {{"broadcast", HEARTH_CALL(logaddexp2(in[0], in[1])), plain},
                 {"apart", HEARTH_CALL(logaddexp2(in[0], in[1] + 0.0625)), smooth},
                 {"special", HEARTH_CALL(logaddexp2(in[0], in[1])), plain},
                 {"far", HEARTH_CALL(logaddexp2(in[0], in[1])), plain}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "sinc",
                {{"some", HEARTH_CALL(sinc(in[0])), smooth}, {"special", HEARTH_CALL(sinc(in[0])), plain}}, close);
  add_functions(rows, "deg2rad", {{"some", HEARTH_CALL(deg2rad(in[0])), smooth}}, close);
  add_functions(rows, "rad2deg", {{"some", HEARTH_CALL(rad2deg(in[0])), smooth}}, close);
  add_functions(rows, "clip",
                {{"both", HEARTH_CALL(clip(in[0], 0, 1)), {.batch = 1}},
                 {"apart", HEARTH_CALL(clip(in[0], 0.0625, 1.0625)), smooth}})
      .takes = kNumberTypes;
  add_functions(rows, "isposinf",
                {{"special", HEARTH_CALL(isposinf(in[0])), plain}, {"whole", HEARTH_CALL(isposinf(in[0])), plain}})
      .gradient = false;
  add_functions(rows, "isneginf",
                {{"special", HEARTH_CALL(isneginf(in[0])), plain}, {"whole", HEARTH_CALL(isneginf(in[0])), plain}})
      .gradient = false;
  add_functions(rows, "logcumsumexp",
                {{"rows", HEARTH_CALL(logcumsumexp(in[0], 1)), {.batch = 1, .terms = 7}},
                 {"columns", HEARTH_CALL(logcumsumexp(in[0], 0)), {.terms = 5}},
                 {"special", HEARTH_CALL(logcumsumexp(in[0], 0)), plain},
                 {"one", HEARTH_CALL(logcumsumexp(in[0], 0)), {.smooth = true}},
                 {"0-dim", HEARTH_CALL(logcumsumexp(in[0], 0)), {.smooth = true}},
                 {"nothing", HEARTH_CALL(logcumsumexp(in[0], 0)), plain}},
                close)
      .takes = kFloatTypes;
}

void scatter_rows(Rows& rows) {
  using enum ScatterMode;
  struct Mode {
    const char *with_x, *without_x, *first, *indexed;
    ScatterMode mode;
  };
  std::vector<FunctionCase> cases, sums, indexed;
  for (const Mode& m : {Mode{"prod, with x", "prod, without x", "prod, first", "prod", kProd},
                        Mode{"amax, with x", "amax, without x", "amax, first", "amax", kAmax},
                        Mode{"amin, with x", "amin, without x", "amin, first", "amin", kAmin},
                        Mode{"sum, with x", "sum, without x", "sum, first", nullptr, kSum},
                        Mode{"mean, with x", "mean, without x", "mean, first", "mean", kMean}}) {
    const ScatterMode mode = m.mode;
    const bool apart = mode != kAmax && mode != kAmin;  // elements of x and source may be equal
    const auto scattered = [mode](bool include_self, int64_t d) {
      return HEARTH_CALL(scatter_reduce(in[0], d, in[1], in[2], mode, include_self));
    };
    std::vector<FunctionCase>& of = mode == kSum || mode == kMean ? sums : cases;
    of.push_back({m.with_x, scattered(true, 1), {.smooth = apart, .batch = 7, .terms = 4}});
    of.push_back({m.without_x, scattered(false, 1), {.smooth = true, .terms = 4}});
    of.push_back({m.first, scattered(true, 0), {.smooth = apart, .terms = 3}});
    if (m.indexed) indexed.push_back({m.indexed, HEARTH_CALL(index_reduce(in[0], 0, in[1], in[2], mode))});
  }
  cases.push_back({"amax, apart", HEARTH_CALL(scatter_reduce(in[0], 1, in[1], in[2] + 0.0625, kAmax))});
  cases.push_back({"amin, apart", HEARTH_CALL(scatter_reduce(in[0], 1, in[1], in[2] + 0.0625, kAmin))});
  cases.push_back({"special", HEARTH_CALL(scatter_reduce(in[0], 0, in[1], in[2], kAmax)), {}});
  cases.push_back({"nothing", HEARTH_CALL(scatter_reduce(in[0], 0, in[1], in[2], kAmin, false)), {}});
  cases.push_back({"zeros", HEARTH_CALL(scatter_reduce(in[0], 0, in[1], in[2], kProd)), {}});
  OpRow& row = add_functions(rows, "scatter_reduce", cases, Accuracy::kGradient);
  row.composed = false;
  row.takes = kNumberTypes;
  add_functions(rows, "scatter_reduce_sums", sums, Accuracy::kSum).takes = kNumberTypes;
  add_functions(rows, "index_reduce", indexed, Accuracy::kGradient).takes = kNumberTypes;
}

Out parts(const Unique& u) { return {u.values, u.inverse, u.counts}; }

}  // namespace

static void elementwise_function_rows(Rows& rows) {
  dtype_rows(rows);
  elementwise_rows(rows);
  scatter_rows(rows);
  OpRow& r = add_functions(rows, "unique_consecutive",
                           {{"plain", [](In in) { return parts(unique_consecutive(in[0])); }, {}},
                            {"matrix", [](In in) { return parts(unique_consecutive(in[0])); }, {}},
                            {"columns", [](In in) { return parts(unique_consecutive(in[0], 1)); }, {}},
                            {"nothing", [](In in) { return parts(unique_consecutive(in[0])); }, {}}});
  r.gradient = false;
  r.reads_values = true;
}

HEARTH_OP_ROWS(elementwise_function_rows);

}  // namespace hearth::testing
