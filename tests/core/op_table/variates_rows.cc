// Numbers that are drawn by rejection; tests/core/variates_test.cc tests how they are distributed.
#include "core/ops/variates.h"

#include "core/op/attrs/gamma_sample.h"
#include "core/op/run.h"
#include "core/ops/arithmetic.h"
#include "tests/core/op_table/functions.h"

namespace hearth::testing {
namespace {

// low, low + 1/8, ..., low + 3/4 and again.
Tensor between(const Shape& shape, DType t, long double low) {
  std::vector<long double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = low + static_cast<long double>(i % 7) / 8;
  return from_wide(values, shape, t);
}

void gamma_rows(Rows& rows) {
  OpRow gamma{.op = "standard_gamma", .second = false};
  gamma.samples.push_back({.name = "number",
                           .inputs = [](DType t) -> Out {
                             return {between({3, 5}, t, 0.25)};
                           },
                           .call = HEARTH_CALL(standard_gamma(in[0])),
                           .batch = 1});
  gamma.samples.push_back({.name = "logarithm",
                           .inputs = [](DType t) -> Out {
                             return {between({3, 5}, t, 0.25)};
                           },
                           .call = HEARTH_CALL(log_standard_gamma(in[0])),
                           .batch = 1});
  gamma.samples.push_back({.name = "many",
                           .inputs = [](DType t) -> Out { return {between({5000}, t, 0.25)}; },
                           .call = HEARTH_CALL(standard_gamma(in[0])),
                           .large = true});
  // How a number changes with the concentration while the random words stay is not what the gradient says, which
  // variates_test compares: here nothing but its dtypes and shapes.
  gamma.samples.push_back({.name = "nothing",
                           .inputs = [](DType t) -> Out {
                             return {between({0, 5}, t, 0.25)};
                           },
                           .call = HEARTH_CALL(standard_gamma(in[0])),
                           .smooth = true});
  rows.push_back(std::move(gamma));

  static const Golden golden("tests/core/op_table/variates_golden.safetensors");
  OpRow slope{.op = "standard_gamma_grad", .accuracy = Accuracy::kGradient, .gradient = false};
  slope.samples.push_back(golden.sample("standard_gamma_grad/number",
                                        HEARTH_CALL(run(kStandardGammaGrad, {in[0], in[1]}, GammaSampleAttrs{false})),
                                        {.batch = 3, .terms = 40}));
  slope.samples.push_back(golden.sample("standard_gamma_grad/logarithm",
                                        HEARTH_CALL(run(kStandardGammaGrad, {in[0], in[1]}, GammaSampleAttrs{true})),
                                        {.batch = 3, .terms = 40}));
  rows.push_back(std::move(slope));
}

void count_rows(Rows& rows) {
  OpRow poisson_row{.op = "poisson", .gradient = false};
  poisson_row.samples.push_back({.name = "some",
                                 .inputs = [](DType t) -> Out {
                                   return {between({3, 5}, t, 8)};
                                 },
                                 .call = HEARTH_CALL(poisson(in[0])),
                                 .batch = 1});
  poisson_row.samples.push_back({.name = "none",
                                 .inputs = [](DType t) -> Out {
                                   return {from_wide(std::vector<long double>(15), {3, 5}, t)};
                                 },
                                 .call = HEARTH_CALL(poisson(in[0])),
                                 .want = [](In, DType t) -> std::vector<Want> {
                                   return {{t, {3, 5}, std::vector<long double>(15)}};
                                 },
                                 .batch = 1});
  rows.push_back(std::move(poisson_row));

  const auto trials = [](DType t) -> Out {
    return {from_wide(std::vector<long double>{0, 3, 40, 0, 3, 40}, {2, 3}, t),
            from_wide(std::vector<long double>{1, 1, 1, 0, 0, 0}, {2, 3}, t)};
  };
  OpRow binomial_row{.op = "binomial", .gradient = false};
  binomial_row.samples.push_back({.name = "certain",
                                  .inputs = trials,
                                  .call = HEARTH_CALL(binomial(in[0], in[1])),
                                  .want = [](In, DType t) -> std::vector<Want> {
                                    return {{t, {2, 3}, {0, 3, 40, 0, 0, 0}}};
                                  },
                                  .batch = 3});
  binomial_row.samples.push_back(
      {.name = "even", .inputs = trials, .call = HEARTH_CALL(binomial(in[0], in[1] * 0.5 + 0.25)), .batch = 3});
  rows.push_back(std::move(binomial_row));
}

void variates_rows(Rows& rows) {
  gamma_rows(rows);
  count_rows(rows);
}

HEARTH_OP_ROWS(variates_rows);

}  // namespace
}  // namespace hearth::testing
