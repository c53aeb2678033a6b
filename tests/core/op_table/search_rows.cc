// Searching, counting, differences and statistics.
#include "core/ops/arithmetic.h"
#include "core/ops/covariance.h"
#include "core/ops/difference.h"
#include "core/ops/histogram.h"
#include "core/ops/search.h"
#include "core/ops/statistics.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {

static void search_rows(Rows& rows) {
  constexpr SampleOptions plain{}, batch{.smooth = true, .batch = 1};
  constexpr Accuracy close = Accuracy::kGradient;
  const auto pair = [](std::pair<Tensor, Tensor> p) -> Out { return {p.first, p.second}; };

  OpRow& s = add_functions(rows, "searchsorted",
                           {{"one line", HEARTH_CALL(searchsorted(in[0], in[1])), {.batch = 2}},
                            {"right", HEARTH_CALL(searchsorted(in[0], in[1], {.right = true})), plain},
                            {"lines", HEARTH_CALL(searchsorted(in[0], in[1])), {.batch = 3}},
                            {"special", HEARTH_CALL(searchsorted(in[0], in[1])), plain},
                            {"special, right", HEARTH_CALL(searchsorted(in[0], in[1], {.right = true})), plain},
                            {"no values", HEARTH_CALL(searchsorted(in[0], in[1])), plain},
                            {"nothing sorted", HEARTH_CALL(searchsorted(in[0], in[1])), plain},
                            {"0-dim", HEARTH_CALL(searchsorted(in[0], in[1])), plain},
                            {"i32", HEARTH_CALL(searchsorted(in[0], in[1], {.out_int32 = true})), plain}});
  s.gradient = false;
  s.composed = false;
  s.takes.reset();
  OpRow& b = add_functions(rows, "bucketize",
                           {{"left", HEARTH_CALL(bucketize(in[0], in[1])), {.batch = 1}},
                            {"right", HEARTH_CALL(bucketize(in[0], in[1], {.right = true})), {.batch = 1}}});
  b.gradient = false;
  b.takes = kNumberTypes;

  OpRow& n = add_functions(rows, "bincount",
                           {{"plain", HEARTH_CALL(bincount(in[0])), plain},
                            {"longer", HEARTH_CALL(bincount(in[0], 15)), plain},
                            {"nothing", HEARTH_CALL(bincount(in[0], 2)), plain}});
  n.gradient = false;
  n.reads_values = true;
  n.takes = kIntTypes;
  OpRow& w =
      add_functions(rows, "bincount_weights",
                    {{"plain", HEARTH_CALL(bincount(in[1], in[0])), {.smooth = true, .dtypes = DTypeSet{f32, f64}}}});
  w.reads_values = true;
  OpRow& h = add_functions(rows, "histc",
                           {{"range", HEARTH_CALL(histc(in[0], 4, -1, 1)), {.dtypes = DTypeSet{f32, f64}}},
                            {"found", HEARTH_CALL(histc(in[0], 7)), {.dtypes = DTypeSet{f32, f64}}},
                            {"equal", HEARTH_CALL(histc(in[0], 3)), {.dtypes = DTypeSet{f32, f64}}},
                            {"special", HEARTH_CALL(histc(in[0], 2, -1, 1)), {.dtypes = DTypeSet{f32, f64}}},
                            {"nothing", HEARTH_CALL(histc(in[0], 3)), {.dtypes = DTypeSet{f32, f64}}}});
  h.gradient = false;
  h.reads_values = true;
  h.takes = DTypeSet{f32, f64};

  add_functions(rows, "diff",
                {{"last", HEARTH_CALL(diff(in[0])), batch},
                 {"twice", HEARTH_CALL(diff(in[0], {.n = 2, .dim = 0}))},
                 {"too often", HEARTH_CALL(diff(in[0], {.n = 5})), plain},
                 {"around", HEARTH_CALL(diff(in[0], {.dim = 1, .prepend = in[1], .append = in[2]}))},
                 {"0-dim before", HEARTH_CALL(diff(in[0], {.prepend = in[1]}))},
                 {"nothing", HEARTH_CALL(diff(in[0])), plain}},
                close);

  add_functions(rows, "nansum",
                {{"rows", HEARTH_CALL(nansum(in[0], 1)), {.terms = 4}},
                 {"all", HEARTH_CALL(nansum(in[0])), {.smooth = true, .batch = 1, .terms = 12}},
                 {"outer", HEARTH_CALL(nansum(in[0], {0, 2}, true)), {.smooth = true, .terms = 4}}},
                Accuracy::kSum);
  add_functions(rows, "nanmean",
                {{"rows", HEARTH_CALL(nanmean(in[0], 1)), {.terms = 4}},
                 {"all", HEARTH_CALL(nanmean(in[0])), {.smooth = true, .terms = 12}},
                 {"outer", HEARTH_CALL(nanmean(in[0], {0, 2}, true)), {.smooth = true, .terms = 4}}},
                Accuracy::kSum)
      .takes = kFloatTypes;
  add_functions(rows, "aminmax",
                {{"all", [=](In in) { return pair(aminmax(in[0])); }},
                 {"columns", [=](In in) { return pair(aminmax(in[0], 0, true)); }},
                 {"nan", [=](In in) { return pair(aminmax(in[0], 1)); }, plain}});
  add_functions(rows, "std_mean",
                {{"rows", [=](In in) { return pair(std_mean(in[0], 1)); }, {.smooth = true, .batch = 1, .terms = 4}}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "var_mean",
                {{"all", [=](In in) { return pair(var_mean(in[0])); }, {.smooth = true, .terms = 12}}}, close)
      .takes = kFloatTypes;
  add_functions(rows, "kthvalue",
                {{"rows", [=](In in) { return pair(kthvalue(in[0], 2)); }, batch},
                 {"columns", [=](In in) { return pair(kthvalue(in[0], 3, 0, true)); }},
                 {"equal", [=](In in) { return pair(kthvalue(in[0], 4, 1)); }, plain},
                 {"nan", [=](In in) { return pair(kthvalue(in[0], 3, 1)); }, plain},
                 {"0-dim", [=](In in) { return pair(kthvalue(in[0], 1)); }}});
  constexpr SampleOptions smooth{.smooth = true, .batch = 1, .dtypes = DTypeSet{f32, f64}};
  constexpr SampleOptions whole{.smooth = true, .dtypes = DTypeSet{f32, f64}};
  using enum Interpolation;
  add_functions(rows, "quantile",
                {{"rows", HEARTH_CALL(quantile(in[0], 0.3, 1)), smooth},
                 {"columns", HEARTH_CALL(quantile(in[0], 0.75, 0, true)), whole},
                 {"all", HEARTH_CALL(quantile(in[0], 0.4)), whole},
                 {"all kept", HEARTH_CALL(quantile(in[0], 0.4, {}, true)), whole},
                 {"lower", HEARTH_CALL(quantile(in[0], 0.4, 1, false, kLower)), smooth},
                 {"higher", HEARTH_CALL(quantile(in[0], 0.4, 1, false, kHigher)), smooth},
                 {"nearest", HEARTH_CALL(quantile(in[0], 0.5, 1, false, kNearest)), smooth},
                 {"midpoint", HEARTH_CALL(quantile(in[0], 0.4, 1, false, kMidpoint)), smooth},
                 {"ends", HEARTH_CALL(quantile(in[0], 1.0, 1)), smooth},
                 {"several", HEARTH_CALL(quantile(in[0], {0.0, 0.25, 0.9}, 1, true)), whole},
                 {"nan", HEARTH_CALL(quantile(in[0], 0.25, 1)), {.dtypes = DTypeSet{f32, f64}}}},
                close)
      .takes = DTypeSet{f32, f64};
}

static void statistic_rows(Rows& rows) {
  constexpr Accuracy close = Accuracy::kGradient;
  constexpr SampleOptions plain{}, smooth{.smooth = true, .terms = 8}, wide{.dtypes = DTypeSet{f32, f64}};
  const auto pair = [](std::pair<Tensor, Tensor> p) -> Out { return {p.first, p.second}; };
  add_functions(rows, "gradient",
                {{"rows", [](In in) -> Out { return gradient(in[0], 0.5, {1}); }, {.smooth = true}},
                 {"all", [](In in) -> Out { return gradient(in[0]); }, {.smooth = true}}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "cov",
                {{"matrix", HEARTH_CALL(cov(in[0])), smooth},
                 {"vector", HEARTH_CALL(cov(in[0], 0)), smooth},
                 {"weights", HEARTH_CALL(cov(in[0], 1, in[1], (abs(in[2]) + 0.5).detach())), plain}},
                close)
      .takes = kFloatTypes;
  add_functions(rows, "corrcoef", {{"matrix", HEARTH_CALL(corrcoef(in[0])), smooth}}, close).takes = kFloatTypes;
  add_functions(rows, "nanmedian",
                {{"rows", [=](In in) { return pair(nanmedian(in[0], 1)); }, plain},
                 {"columns", [=](In in) { return pair(nanmedian(in[0], 0, true)); }, {.smooth = true}}});
  add_functions(
      rows, "nanmedian_all",
      {{"nan", HEARTH_CALL(nanmedian(in[0])), plain}, {"numbers", HEARTH_CALL(nanmedian(in[0])), {.smooth = true}}});
  add_functions(
      rows, "nanquantile",
      {{"rows", HEARTH_CALL(nanquantile(in[0], 0.3, 1)), wide},
       {"all", HEARTH_CALL(nanquantile(in[0], 0.75)), wide},
       {"kept", HEARTH_CALL(nanquantile(in[0], 0.5, 0, true)), {.smooth = true, .dtypes = DTypeSet{f32, f64}}}},
      close)
      .takes = DTypeSet{f32, f64};
  add_functions(rows, "mode",
                {{"rows", [=](In in) { return pair(mode(in[0], 1)); }, plain},
                 {"columns", [=](In in) { return pair(mode(in[0], 0, true)); }, plain},
                 {"distinct", [=](In in) { return pair(mode(in[0], 1)); }, {.smooth = true}}});
}

HEARTH_OP_ROWS(search_rows);
HEARTH_OP_ROWS(statistic_rows);

}  // namespace hearth::testing
