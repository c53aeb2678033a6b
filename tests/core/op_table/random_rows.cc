#include "core/ops/random.h"
#include "tests/core/op_table/families.h"

namespace hearth::testing {

void random_rows(Rows& rows) {
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
}

}  // namespace hearth::testing
