// What all distributions share: shapes, dtypes, checks, errors.
#include "core/distributions/distribution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/distributions/bernoulli.h"
#include "core/distributions/categorical.h"
#include "core/distributions/gamma.h"
#include "core/distributions/heavy_tails.h"
#include "core/distributions/normal.h"
#include "core/distributions/uniform.h"
#include "core/graph/graph.h"
#include "core/graph/trace.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"

namespace hearth::distributions {
namespace {

using testing::error_of;

TEST(Distribution, Shapes) {
  const Normal d(zeros({3, 1}), ones({2}));
  EXPECT_EQ(d.batch_shape(), Shape({3, 2}));
  EXPECT_EQ(d.event_shape(), Shape{});
  EXPECT_EQ(d.sample().shape(), Shape({3, 2}));
  EXPECT_EQ(d.sample({5}).shape(), Shape({5, 3, 2}));
  EXPECT_EQ(d.rsample({5, 4}).shape(), Shape({5, 4, 3, 2}));
  EXPECT_EQ(d.log_prob(zeros({4, 1, 1})).shape(), Shape({4, 3, 2}));
  EXPECT_EQ(d.entropy().shape(), Shape({3, 2}));
  EXPECT_EQ(d.mean().shape(), Shape({3, 2}));
  EXPECT_EQ(d.mode().shape(), Shape({3, 2}));
  const auto wider = d.expand({4, 3, 2});
  EXPECT_EQ(wider->batch_shape(), Shape({4, 3, 2}));
  EXPECT_EQ(wider->sample({6}).shape(), Shape({6, 4, 3, 2}));
  EXPECT_EQ(error_of([&] {
              d.expand({3, 3});
            }),
            "Normal: expand: a batch of shape [3, 2] cannot become one of shape [3, 3]");

  const OneHotCategorical c(ones({2, 4}));
  EXPECT_EQ(c.batch_shape(), Shape{2});
  EXPECT_EQ(c.event_shape(), Shape{4});
  EXPECT_EQ(c.sample({3}).shape(), Shape({3, 2, 4}));
  EXPECT_EQ(c.log_prob(c.sample({3})).shape(), Shape({3, 2}));
  EXPECT_EQ(c.enumerate_support().shape(), Shape({4, 2, 4}));
  EXPECT_EQ(c.enumerate_support(false).shape(), Shape({4, 1, 4}));
}

TEST(Distribution, NumbersTakeTheDtypeOfTensors) {
  EXPECT_EQ(Normal(0, 1).dtype(), f32);
  EXPECT_EQ(Normal(0, 1).batch_shape(), Shape{});
  EXPECT_EQ(Normal(zeros({2}, {.dtype = f64}), 0.1).sample().dtype(), f64);
  EXPECT_EQ(Normal(zeros({2}, {.dtype = f64}), 0.1).scale().select(0, 0).item<double>(), 0.1);
  EXPECT_EQ(Normal(zeros({2}, {.dtype = i64}), 1).dtype(), f32);
  EXPECT_EQ(Bernoulli(0.5).sample({3}).shape(), Shape{3});
}

TEST(Distribution, Halves) {
  for (const DType t : {f16, bf16}) {
    const Tensor loc = full({2}, 0.5, {.dtype = t}).requires_grad_(), scale = full({2}, 3, {.dtype = t});
    const Normal d(loc, scale);
    EXPECT_EQ(d.loc().dtype(), t);
    EXPECT_EQ(d.sample().dtype(), t);
    EXPECT_EQ(d.entropy().dtype(), t);
    EXPECT_EQ(d.log_prob(zeros({2}, {.dtype = t})).dtype(), t);
    EXPECT_EQ(d.log_prob(zeros({2})).dtype(), f32);
    const Tensor want = Normal(full({2}, 0.5), full({2}, 3)).log_prob(zeros({2})).to(t);
    EXPECT_TRUE(equal(d.log_prob(zeros({2}, {.dtype = t})), want));
    d.rsample({4}).sum().backward();
    EXPECT_EQ(loc.grad().dtype(), t);
    EXPECT_EQ(loc.grad().to_vector<float>(), (std::vector<float>{4, 4}));
  }
}

TEST(Distribution, WithoutElements) {
  const Normal d(zeros({0, 3}), ones({3}));
  EXPECT_EQ(d.sample({2}).shape(), Shape({2, 0, 3}));
  EXPECT_EQ(d.log_prob(zeros({0, 3})).shape(), Shape({0, 3}));
  EXPECT_EQ(Normal(zeros({3}), 1).sample({0}).shape(), Shape({0, 3}));
  EXPECT_EQ(Categorical(ones({0, 4})).sample({2}).shape(), Shape({2, 0}));
  EXPECT_EQ(Categorical(ones({3, 4})).sample({0}).shape(), Shape({0, 3}));
  EXPECT_EQ(Bernoulli(zeros({0})).entropy().shape(), Shape{0});
}

TEST(Distribution, Parameters) {
  EXPECT_EQ(error_of([] { Normal(0, tensor({1.0, -2.0})); }), "Normal: scale must be above 0, but is -2 at [1]");
  EXPECT_EQ(error_of([] { Normal(NAN, 1); }), "Normal: loc must be a real number, but is nan");
  EXPECT_EQ(error_of([] { Normal(0, NAN); }), "Normal: scale must be above 0, but is nan");
  EXPECT_EQ(error_of([] {
              Normal(zeros({2, 2}), tensor({{1.0, 1.0}, {0.0, 1.0}}));
            }),
            "Normal: scale must be above 0, but is 0 at [1, 0]");
  EXPECT_EQ(error_of([] { Uniform(1, 1); }), "Uniform: high must be above low, but is 1");
  EXPECT_EQ(error_of([] { Bernoulli(1.5); }), "Bernoulli: probs must be from 0 to 1, but is 1.5");
  EXPECT_EQ(error_of([] {
              Categorical(tensor({{1.0, 1.0}, {1.0, -1.0}}));
            }),
            "Categorical: probs must be numbers of at least 0 that are not all 0, but is [1, -1] at [1]");
  EXPECT_EQ(error_of([] { Categorical({.probs = ones({2}), .logits = ones({2})}); }),
            "Categorical: expected either probs or logits, but got both");
  EXPECT_EQ(error_of([] { Categorical(ProbsOrLogits{}); }),
            "Categorical: expected either probs or logits, but got none");
  EXPECT_EQ(error_of([] {
              Categorical(ones({2, 0}));
            }),
            "Categorical: probs must be [..., classes] with at least one class, but the shape is [2, 0]");
  EXPECT_EQ(error_of([] { Categorical({.logits = 1}); }),
            "Categorical: logits must be [..., classes] with at least one class, but the shape is []");
  EXPECT_EQ(error_of([] { Normal(Tensor(), 1); }), "Normal: a parameter is an undefined tensor");
  EXPECT_EQ(error_of([] { Normal(zeros({1}, {.dtype = c64}), 1); }),
            "Normal: parameters are real numbers, but one is c64");
  EXPECT_NE(error_of([] { Normal(zeros({2}), ones({3})); }), testing::kNoError);
}

TEST(Distribution, Values) {
  EXPECT_EQ(error_of([] {
              Normal(0, 1).log_prob(tensor({0.0, NAN}));
            }),
            "Normal: log_prob: the value must be a real number, but is nan at [1]");
  EXPECT_EQ(error_of([] {
              Categorical(ones({3})).log_prob(tensor({0, 3}));
            }),
            "Categorical: log_prob: the value must be a whole number from 0 to 2, but is 3 at [1]");
  EXPECT_EQ(error_of([] {
              OneHotCategorical(ones({3})).log_prob(tensor({{0.0, 1.0, 0.0}, {1.0, 1.0, 0.0}}));
            }),
            "OneHotCategorical: log_prob: the value must be one-hot, but is [1, 1, 0] at [1]");
  EXPECT_EQ(error_of([] { OneHotCategorical(ones({3})).log_prob(ones({4})); }),
            "OneHotCategorical: log_prob: a value has the shape [3], which [4] does not end in");
  EXPECT_EQ(error_of([] { Normal(0, 1).icdf(tensor(2.0)); }), "Normal: icdf: the value must be from 0 to 1, but is 2");
  EXPECT_NE(error_of([] { Normal(zeros({2}), 1).log_prob(zeros({3})); }), testing::kNoError);
  EXPECT_EQ(error_of([] { Normal(0, 1).cdf(Tensor()); }), "Normal: cdf: the value is an undefined tensor");
}

TEST(Distribution, ChecksCanBeSwitchedOff) {
  EXPECT_TRUE(std::isnan(Normal(0, -1, false).log_prob(zeros({})).item<float>()));
  EXPECT_EQ(Uniform(0, 1, false).log_prob(tensor(2.0)).item<float>(), -INFINITY);
  EXPECT_EQ(Uniform(0, 1, false).log_prob(tensor(1.0)).item<float>(), -INFINITY);
  Distribution::set_default_validate_args(false);
  EXPECT_EQ(error_of([] { Normal(0, -1); }), testing::kNoError);
  EXPECT_NE(error_of([] { Normal(0, -1, true); }), testing::kNoError);
  Distribution::set_default_validate_args(true);
  EXPECT_NE(error_of([] { Normal(0, -1); }), testing::kNoError);
}

TEST(Distribution, WhatIsLackingIsNamed) {
  EXPECT_EQ(error_of([] { Categorical(ones({3})).cdf(tensor(1)); }), "Categorical has no cdf");
  EXPECT_EQ(error_of([] { Categorical(ones({3})).rsample(); }),
            "Categorical has no rsample: no gradient passes through its samples");
  EXPECT_EQ(error_of([] { Normal(0, 1).enumerate_support(); }), "Normal has no finite set of values");
}

TEST(Distribution, GradientsOfSamples) {
  const Tensor loc = zeros({3}).requires_grad_(), scale = ones({3}).requires_grad_();
  const Normal d(loc, scale);
  EXPECT_FALSE(d.sample().requires_grad());
  Generator g(5);
  const Tensor x = d.rsample({4}, &g);
  x.sum().backward();
  EXPECT_EQ(loc.grad().to_vector<float>(), (std::vector<float>{4, 4, 4}));
  EXPECT_TRUE(allclose(scale.grad(), x.detach().sum(0)));
  Generator same(5);
  EXPECT_TRUE(equal(d.sample({4}, &same), x.detach()));
}

TEST(Distribution, ReinforceGradient) {
  // The gradient of a loss weighted by rewards reaches the logits.
  const Tensor logits = zeros({2, 3}).requires_grad_();
  const Categorical policy({.logits = logits});
  const Tensor action = tensor({2, 0});
  (-policy.log_prob(action) * tensor({1.0, 2.0})).sum().backward();
  const float third = 1.0F / 3;
  const std::vector<float> want{third, third, third - 1, 2 * (third - 1), 2 * third, 2 * third};
  const std::vector<float> got = logits.grad().to_vector<float>();
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6);
}

TEST(Distribution, CanBeTraced) {
  // No values are read, so that nothing is checked.
  const graph::Function draw = [](std::span<const Tensor> in) -> std::vector<Tensor> {
    const Normal d(in[0], in[1]);
    const Tensor x = d.rsample();
    return {x, d.log_prob(x)};
  };
  const std::vector<graph::Spec> specs{{"loc", f32, {3}}, {"scale", f32, {3}}};
  const graph::Graph g = graph::trace(draw, specs);
  const std::vector<Tensor> in{zeros({3}), full({3}, 2.0)};
  manual_seed(1);
  const std::vector<Tensor> got = g.run(in);
  manual_seed(1);
  const Normal d(in[0], in[1]);
  const Tensor x = d.rsample();
  EXPECT_TRUE(equal(got[0], x));
  EXPECT_TRUE(allclose(got[1], d.log_prob(x)));
}

TEST(Distribution, OnTheMetaDevice) {
  const Tensor loc = zeros({3}, {.device = kMeta});
  const Normal d(loc, 1.0);
  EXPECT_TRUE(d.rsample({2}).device().is_meta());
  EXPECT_EQ(d.log_prob(d.rsample({2})).shape(), Shape({2, 3}));
}

TEST(Distributions, CdfOfGammas) {
  // PyTorch's, in f64.
  const Tensor x = tensor({0.25, 2.0, 9.0}, {.dtype = f64}), a = tensor({0.25, 1.0, 7.5}, {.dtype = f64});
  const Tensor rate = tensor(1.5, {.dtype = f64});
  const auto near = [](const Tensor& got, const std::vector<double>& want) {
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got.to_vector<double>()[i], want[i], 1e-13) << i;
  };
  near(Gamma(a, rate).cdf(x), {0.8047991126008802, 0.950212931632136, 0.9712636498896565});
  near(Chi2(a).cdf(x), {0.8078004494080602, 0.8427007929497151, 0.7035352581997958});
  near(InverseGamma(a, rate).cdf(x), {0.0001606453258543583, 0.4723665527410149, 0.9999999999102838});
}

}  // namespace
}  // namespace hearth::distributions
