#include "core/op/attrs/random.h"
#include "core/op/run.h"
#include "core/ops/create.h"
#include "core/ops/dropout.h"
#include "core/ops/random.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

static void random_rows(Rows& rows) {
  // Every call starts from seed 7, as the script does.
  constexpr DTypeSet narrow{f16, bf16, f32}, wide{f64};
  OpRow row{.op = "random", .accuracy = Accuracy::kMath, .gradient = false};
  const auto into = [](auto draw) -> TensorFunction {
    return [draw](In in) -> Out {
      Tensor t = in[0].clone();
      draw(t);
      return {t};
    };
  };
  const auto uniform = into([](Tensor& t) { t.uniform_(-1, 3); });
  const auto normal = into([](Tensor& t) { t.normal_(2, 0.5); });
  const auto bernoulli = into([](Tensor& t) { t.bernoulli_(0.375); });
  add_golden(row, "random/uniform", uniform, {.batch = 1, .dtypes = narrow});
  add_golden(row, "random/uniform f64", uniform, {.batch = 1, .dtypes = wide});
  add_golden(row, "random/normal", normal, {.batch = 1});
  add_golden(row, "random/bernoulli", bernoulli, {.batch = 1, .dtypes = narrow | kIntAndBoolTypes});
  add_golden(row, "random/bernoulli f64", bernoulli, {.batch = 1, .dtypes = wide});
  add_golden(row, "random/integer", into([](Tensor& t) { t.random_(0, 100); }), {.batch = 1});
  // The upper end is never reached, however coarse the dtype.
  row.samples.push_back(
      {.name = "open end",
       .inputs = [](DType t) -> Out { return {from_wide(std::vector<long double>(20000), {20000}, t)}; },
       .call = [](In in) -> Out {
         Tensor t = in[0].clone();
         t.uniform_();
         return {t.ge(1).any(), t.lt(0).any()};
       },
       .want = [](In, DType) -> std::vector<Want> {
         return {{boolean, {}, {0}}, {boolean, {}, {0}}};
       },
       .dtypes = kFloatTypes});
  rows.push_back(std::move(row));

  OpRow dropped{.op = "dropout", .accuracy = Accuracy::kSteps};
  // It keeps what bernoulli_() draws, whose numbers the samples above check; in f64 other elements than in f32, so that
  // gradients are checked in f64 alone.
  for (const DTypeSet dtypes : {narrow, wide}) {
    const bool smooth = dtypes.contains(f64);
    dropped.samples.push_back({.name = smooth ? "f64" : "some",
                               .inputs = [](DType t) -> Out {
                                 return {noise({2, 3, 7}, t)};
                               },
                               .call = HEARTH_CALL(dropout(in[0], 0.375)),
                               .want = [](In in, DType t) -> std::vector<Want> {
                                 manual_seed(7);
                                 Tensor kept = empty({2, 3, 7}, {.dtype = t == f64 ? f64 : f32});
                                 const std::vector<long double> mask = to_wide(kept.bernoulli_(0.625));
                                 std::vector<long double> v = to_wide(in[0]);
                                 for (size_t i = 0; i < v.size(); ++i) v[i] *= mask[i] / 0.625L;
                                 return {{t, {2, 3, 7}, v}};
                               },
                               .dtypes = dtypes,
                               .smooth = smooth,
                               .batch = 1});
  }
  rows.push_back(std::move(dropped));

  OpRow gradient{.op = "dropout_grad", .accuracy = Accuracy::kSteps};
  gradient.samples.push_back(
      {.name = "some",
       .inputs = [](DType t) -> Out {
         return {noise({2, 3}, t), from_wide(std::vector<long double>{1, 0, 1, 1, 0, 0}, {2, 3}, boolean)};
       },
       .call = HEARTH_CALL(run(kDropoutGrad, {in[0], in[1]}, DropoutAttrs{0.375})),
       .want = [](In in, DType t) -> std::vector<Want> {
         std::vector<long double> v = to_wide(in[0]);
         const std::vector<long double> kept = to_wide(in[1]);
         for (size_t i = 0; i < v.size(); ++i) v[i] *= kept[i] / 0.625L;
         return {{t, {2, 3}, v}};
       },
       .smooth = true,
       .batch = 3});
  rows.push_back(std::move(gradient));
}

HEARTH_OP_ROWS(random_rows);

}  // namespace hearth::testing
