// Activation functions that are made of other ops.
#include <string>
#include <utility>
#include <vector>

#include "core/ops/activation_functions.h"
#include "core/ops/arithmetic.h"
#include "core/ops/bilinear.h"
#include "core/ops/embedding_bag.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

constexpr SampleOptions kPlain{}, kSmooth{.smooth = true, .batch = 1};

// A row of f with its defaults, of g with other options under that name, and of f of whole numbers where it takes them.
struct Function {
  const char* name;
  TensorFunction f;
  const char* option = nullptr;
  TensorFunction g = nullptr;
  DTypeSet takes = kFloatTypes;
  TensorFunction whole = nullptr;
};

void add(Rows& rows, const Function& o, Accuracy accuracy) {
  std::vector<FunctionCase> cases{
      {"some", o.f, {.batch = 1}}, {"near 0", o.f, kPlain}, {"odd", o.f, kPlain}, {"nothing", o.f, kPlain}};
  // Moved away from where there is no derivative.
  const auto apart = [f = o.f](In in) {
    const std::vector<Tensor> moved{in[0] + 0.0625};
    return f(moved);
  };
  cases.push_back({"apart", apart, kSmooth});
  std::vector<std::string> names;
  if (o.option) {
    for (const char* sample : {"some", "near 0", "odd", "nothing"})
      names.push_back(std::string(o.option) + ", " + sample);
  }
  for (const std::string& n : names) cases.push_back({n.c_str(), o.g, kPlain});
  if (o.whole) cases.push_back({"whole", o.whole, kPlain});
  OpRow& row = add_functions(rows, o.name, cases, accuracy);
  row.takes = o.takes;
  row.zero_sign = false;
}

void layer_rows(Rows& rows) {
  constexpr SampleOptions product{.smooth = true, .terms = 8};
  add_functions(rows, "bilinear",
                {{"rows", HEARTH_CALL(bilinear(in[0], in[1], in[2])), product},
                 {"bias", HEARTH_CALL(bilinear(in[0], in[1], in[2], in[3])), product},
                 {"vectors", HEARTH_CALL(bilinear(in[0], in[1], in[2])), product},
                 {"no rows", HEARTH_CALL(bilinear(in[0], in[1], in[2])), kPlain}},
                Accuracy::kGradient)
      .takes = kFloatTypes;
  std::vector<FunctionCase> cases;
  std::vector<std::string> names;
  constexpr SampleOptions sums{.smooth = true, .terms = 3};
  const std::vector<std::pair<const char*, BagMode>> modes{
      {"sum", BagMode::kSum}, {"mean", BagMode::kMean}, {"max", BagMode::kMax}};
  for (const auto& [name, mode] : modes) {
    for (const char* option : {"", ", flat", ", last", ", padding", ", nothing"})
      names.push_back(std::string(name) + option);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    const BagMode mode = modes[i / 5].second;
    const TensorFunction calls[] = {
        HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = mode})),
        HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = mode, .offsets = in[2]})),
        HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = mode, .offsets = in[2], .include_last_offset = true})),
        HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = mode, .offsets = in[2], .padding_idx = -5})),
        HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = mode, .offsets = in[2]}))};
    cases.push_back({names[i].c_str(), calls[i % 5], i % 5 == 4 ? kPlain : sums});
  }
  constexpr BagMode sum = BagMode::kSum;
  cases.push_back(
      {"weights",
       HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = sum, .offsets = in[2], .per_sample_weights = in[3]})), sums});
  cases.push_back(
      {"weights, padding",
       HEARTH_CALL(embedding_bag(in[0], in[1], {.mode = sum, .per_sample_weights = in[2], .padding_idx = 2})), sums});
  OpRow& bags = add_functions(rows, "embedding_bag", cases, Accuracy::kGradient);
  bags.takes = kFloatTypes;
}

}  // namespace

static void activation_function_rows(Rows& rows) {
  constexpr Accuracy close = Accuracy::kGradient, exact = Accuracy::kExact;
  const auto make = [](const char* name, TensorFunction f) { return Function{.name = name, .f = std::move(f)}; };
  const auto optional = [&](const char* name, TensorFunction f, const char* option, TensorFunction g) {
    Function o = make(name, std::move(f));
    o.option = option;
    o.g = std::move(g);
    return o;
  };
  add(rows, optional("celu", HEARTH_CALL(celu(in[0])), "alpha", HEARTH_CALL(celu(in[0], 0.375))), close);
  add(rows, optional("softshrink", HEARTH_CALL(softshrink(in[0])), "lambda", HEARTH_CALL(softshrink(in[0], 0.2))),
      close);
  add(rows, optional("hardshrink", HEARTH_CALL(hardshrink(in[0])), "lambda", HEARTH_CALL(hardshrink(in[0], 0.25))),
      exact);
  add(rows, optional("rrelu", HEARTH_CALL(rrelu(in[0])), "bounds", HEARTH_CALL(rrelu(in[0], 0.5, 1))), close);
  Function softsign_row = make("softsign", HEARTH_CALL(softsign(in[0])));
  softsign_row.takes = kAllTypes;
  softsign_row.whole = softsign_row.f;
  add(rows, softsign_row, close);
  Function tanhshrink_row = make("tanhshrink", HEARTH_CALL(tanhshrink(in[0])));
  tanhshrink_row.takes = kAllTypes;
  tanhshrink_row.whole = tanhshrink_row.f;
  add(rows, tanhshrink_row, close);
  Function threshold_row = make("threshold", HEARTH_CALL(threshold(in[0], 0.25, -1.5)));
  threshold_row.takes = kNumberTypes;
  threshold_row.whole = HEARTH_CALL(threshold(in[0], 4.5, -7.5));
  add(rows, threshold_row, exact);
  add_functions(rows, "softmin",
                {{"rows", HEARTH_CALL(softmin(in[0], 1)), {.smooth = true, .batch = 1, .terms = 5}},
                 {"columns", HEARTH_CALL(softmin(in[0], 0)), {.smooth = true, .terms = 3}}},
                close)
      .takes = kFloatTypes;
  layer_rows(rows);
}

HEARTH_OP_ROWS(activation_function_rows);

}  // namespace hearth::testing
