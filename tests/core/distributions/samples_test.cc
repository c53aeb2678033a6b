// Samples: how they are distributed, their gradients, and that they are the same for any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/autograd/backward.h"
#include "core/base/parallel.h"
#include "core/distributions/distributions.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth::distributions {
namespace {

using testing::error_of;
using Pointer = std::shared_ptr<const Distribution>;
using Named = std::map<std::string, Pointer>;

constexpr int64_t kCount = 20000;

Tensor wide(std::vector<double> v) { return tensor(v, {.dtype = f64}); }
template <class D, class... A>
Pointer make(A&&... a) {
  return std::make_shared<const D>(std::forward<A>(a)...);
}

const Named& with_moments() {
  static const Named all{
      {"Normal", make<Normal>(wide({-3, 0.5}), wide({0.25, 4}))},
      {"LogNormal", make<LogNormal>(wide({-1, 0.5}), wide({0.25, 0.5}))},
      {"HalfNormal", make<HalfNormal>(wide({0.25, 4}))},
      {"Uniform", make<Uniform>(wide({-3, 0.5}), wide({0, 4}))},
      {"Exponential", make<Exponential>(wide({0.25, 4}))},
      {"Laplace", make<Laplace>(wide({-3, 0.5}), wide({0.25, 4}))},
      {"Gumbel", make<Gumbel>(wide({-3, 0.5}), wide({0.25, 4}))},
      {"StudentT", make<StudentT>(wide({9, 20}), wide({-3, 0.5}), wide({0.25, 4}))},
      {"Gamma", make<Gamma>(wide({0.25, 4}), wide({2, 0.5}))},
      {"Chi2", make<Chi2>(wide({0.5, 4}))},
      {"Beta", make<Beta>(wide({0.25, 4}), wide({0.5, 3}))},
      {"Dirichlet", make<Dirichlet>(tensor({{0.25, 0.5, 0.125}, {4.0, 2.0, 7.0}}, {.dtype = f64}))},
      {"Poisson", make<Poisson>(wide({0.25, 40}))},
      {"Geometric", make<Geometric>(wide({0.25, 0.9}))},
      {"Bernoulli", make<Bernoulli>(wide({0.25, 0.9}))},
      {"Binomial", make<Binomial>(wide({40, 40}), wide({0.25, 0.9}))},
      {"OneHotCategorical", make<OneHotCategorical>(tensor({{0.25, 0.5, 0.25}, {4.0, 2.0, 7.0}}, {.dtype = f64}))},
      {"Multinomial", make<Multinomial>(7, tensor({{0.25, 0.5, 0.25}, {4.0, 2.0, 7.0}}, {.dtype = f64}))},
      {"MultivariateNormal",
       make<MultivariateNormal>(wide({1, -2}),
                                Covariance{.scale_tril = tensor({{2.0, 0.0}, {-1.0, 0.5}}, {.dtype = f64})})},
      {"Independent", make<Independent>(Normal(wide({-3, 0.5}), wide({0.25, 4})), 1)},
      {"MixtureSameFamily",
       make<MixtureSameFamily>(Categorical(wide({0.25, 0.75})), Normal(wide({-3, 0.5}), wide({0.25, 4})))}};
  return all;
}

// The mean of numbers of a standard deviation is off by more than 4.9 of its own once in 10^6.
TEST(Samples, Moments) {
  for (const auto& [name, d] : with_moments()) {
    Generator g(21);
    const Tensor x = d->sample({kCount}, &g), mean = d->mean(), variance = d->variance();
    ASSERT_EQ(x.dtype(), f64) << name;
    const Tensor off = abs(x.mean(0) - mean) / sqrt(variance / kCount);
    EXPECT_LT(off.max().item<double>(), 4.9) << name;
    const Tensor squares = square(x - mean);
    const Tensor spread = sqrt(squares.var(0) / kCount) + 1e-12;
    EXPECT_LT((abs(squares.mean(0) - variance) / spread).max().item<double>(), 4.9) << name;
    EXPECT_EQ(error_of([&, d = d] { (void)d->log_prob(x); }), testing::kNoError) << name;
  }
}

// The mean of -log p is the entropy.
TEST(Samples, Entropy) {
  for (const auto& [name, d] : with_moments()) {
    if (name == "Poisson" || name == "MixtureSameFamily") continue;
    Generator g(22);
    const Tensor log_p = d->log_prob(d->sample({kCount}, &g));
    const Tensor spread = log_p.std(0) / std::sqrt(static_cast<double>(kCount)) + 1e-9;
    EXPECT_LT((abs(log_p.mean(0) + d->entropy()) / spread).max().item<double>(), 4.9) << name;
  }
}

// cdf(x) of samples is uniform: Kolmogorov and Smirnov's distance times the root of the number is above 2.2 once in
// 10^4.
TEST(Samples, DistributionFunction) {
  const Named all{
      {"Normal", make<Normal>(-3.0, 0.25)},
      {"LogNormal", make<LogNormal>(0.5, 0.75)},
      {"HalfNormal", make<HalfNormal>(4.0)},
      {"Uniform", make<Uniform>(-3.0, 4.0)},
      {"Exponential", make<Exponential>(0.25)},
      {"Laplace", make<Laplace>(-3.0, 0.25)},
      {"Cauchy", make<Cauchy>(-3.0, 0.25)},
      {"Gumbel", make<Gumbel>(-3.0, 0.25)},
      {"MixtureSameFamily", make<MixtureSameFamily>(Categorical(wide({1, 3})), Normal(wide({-3, 0}), wide({1, 2})))},
      {"TransformedDistribution",
       make<TransformedDistribution>(Normal(0.5, 2.0),
                                     TransformedDistribution::Transforms{std::make_shared<AffineTransform>(1.0, -0.25),
                                                                         std::make_shared<TanhTransform>()})}};
  for (const auto& [name, d] : all) {
    Generator g(23);
    std::vector<double> p = d->cdf(d->sample({kCount}, &g)).to_vector<double>();
    std::sort(p.begin(), p.end());
    double largest = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      const auto n = static_cast<double>(p.size());
      largest = std::max({largest, p[i] - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p[i]});
    }
    EXPECT_LT(largest * std::sqrt(static_cast<double>(kCount)), 2.2) << name;
  }
}

TEST(Samples, Categories) {
  const Categorical d(tensor({{0.125, 0.5, 0.375}, {1.0, 0.0, 0.0}}, {.dtype = f64}));
  Generator g(24);
  const Tensor x = d.sample({kCount}, &g);
  EXPECT_EQ(x.dtype(), i64);
  EXPECT_EQ(x.shape(), Shape({kCount, 2}));
  for (int64_t k = 0; k < 3; ++k) {
    const double p = d.probs().select(0, 0).select(0, k).item<double>();
    const auto seen = eq(x.select(1, 0), k).to(f64).mean().item<double>();
    EXPECT_NEAR(seen, p, 4.9 * std::sqrt(p * (1 - p) / kCount)) << k;
  }
  EXPECT_TRUE(eq(x.select(1, 1), 0).all().item<bool>());
}

TEST(Samples, Covariance) {
  const Tensor l = tensor({{2.0, 0.0}, {-1.0, 0.5}}, {.dtype = f64});
  const MultivariateNormal d(wide({1, -2}), {.scale_tril = l});
  Generator g(25);
  const Tensor x = d.sample({kCount}, &g) - d.loc();
  const Tensor seen = matmul(transpose(x, 0, 1), x) / kCount;
  EXPECT_TRUE(allclose(seen, d.covariance_matrix(), 0, 0.2));
  EXPECT_TRUE(allclose(matmul(d.precision_matrix(), d.covariance_matrix()), eye(2, {}, {.dtype = f64})));
}

// The gradient of a mean of samples is that of the mean.
TEST(Samples, GradientsOfMeans) {
  using Make = Pointer (*)(const Tensor&, const Tensor&);
  const std::map<std::string, Make> all{
      {"Normal", [](const Tensor& a, const Tensor& b) { return make<Normal>(a, b); }},
      {"LogNormal", [](const Tensor& a, const Tensor& b) { return make<LogNormal>(a, b * 0.25); }},
      {"Uniform", [](const Tensor& a, const Tensor& b) { return make<Uniform>(a, a + b); }},
      {"Laplace", [](const Tensor& a, const Tensor& b) { return make<Laplace>(a, b); }},
      {"Gumbel", [](const Tensor& a, const Tensor& b) { return make<Gumbel>(a, b); }},
      {"Exponential", [](const Tensor& a, const Tensor& b) { return make<Exponential>(a * b); }},
      {"HalfNormal", [](const Tensor& a, const Tensor& b) { return make<HalfNormal>(a * b); }},
      {"Gamma", [](const Tensor& a, const Tensor& b) { return make<Gamma>(a, b); }},
      {"Chi2", [](const Tensor& a, const Tensor& b) { return make<Chi2>(a * b); }},
      {"Beta", [](const Tensor& a, const Tensor& b) { return make<Beta>(a, b); }},
      {"Dirichlet",
       [](const Tensor& a, const Tensor& b) {
         return make<Dirichlet>(stack({a, b, a * b}));
       }},
      {"StudentT", [](const Tensor& a, const Tensor& b) { return make<StudentT>(a + 8, a, b); }},
      {"Independent",
       [](const Tensor& a, const Tensor& b) {
         return make<Independent>(Normal(stack({a, b}), b), 1);
       }},
      {"MultivariateNormal", [](const Tensor& a, const Tensor& b) {
         return make<MultivariateNormal>(stack({a, b}),
                                         Covariance{.covariance_matrix = eye(2, {}, {.dtype = f64}) * b});
       }}};
  for (const auto& [name, maker] : all) {
    Tensor a = full({}, 0.75, {.dtype = f64}).requires_grad_(), b = full({}, 1.5, {.dtype = f64}).requires_grad_();
    const auto gradients = [&](const Tensor& of) {
      a.set_grad(Tensor());
      b.set_grad(Tensor());
      of.backward();
      const auto value = [](const Tensor& g) { return g.defined() ? g.item<double>() : 0; };
      return std::pair(value(a.grad()), value(b.grad()));
    };
    const Tensor mean = maker(a, b)->mean();
    // Weighted, for the elements of a sample of probabilities always have the sum 1.
    const Tensor weights =
        mean.dim() == 0 ? ones({}, {.dtype = f64}) : arange(1.0, 1.0 + mean.size(0), 1, {.dtype = f64});
    const auto want = gradients((mean * weights).sum());
    Generator g(26);
    const Tensor x = maker(a, b)->rsample({200000}, &g);
    const auto got = gradients((x.mean(0) * weights).sum());
    EXPECT_NEAR(got.first, want.first, 0.03) << name;
    EXPECT_NEAR(got.second, want.second, 0.03) << name;
  }
}

TEST(Samples, SmallConcentrations) {
  for (const DType t : {f32, f64, f16, bf16}) {
    const TensorOptions options{.dtype = t};
    const Tensor tiny = full({3}, 1e-3, options);
    Generator g(27);
    const Tensor x = Dirichlet(tiny).sample({1000}, &g);
    EXPECT_TRUE(isfinite(x).all().item<bool>());
    EXPECT_TRUE(gt(x, 0).all().item<bool>());
    EXPECT_TRUE(allclose(x.to(f32).sum(-1), ones({1000}), 0, 1e-2));
    const Tensor leaf = full({3}, 1e-3, options).requires_grad_();
    const Beta beta(leaf, 1e-3);
    const Tensor y = beta.rsample({1000}, &g);
    EXPECT_TRUE(logical_and(gt(y, 0), lt(y, 1)).all().item<bool>());
    EXPECT_TRUE(isfinite(beta.log_prob(y.detach())).all().item<bool>());
    y.sum().backward();
    EXPECT_FALSE(isnan(leaf.grad()).any().item<bool>());
  }
}

TEST(Samples, StayInTheirRange) {
  for (const DType t : {f16, bf16, f32, f64}) {
    const TensorOptions options{.dtype = t};
    Generator g(28);
    const Tensor x = Uniform(full({}, 1.0, options), full({}, 1.015625, options)).sample({10000}, &g);
    EXPECT_TRUE(logical_and(ge(x, 1), lt(x, 1.015625)).all().item<bool>());
    EXPECT_TRUE(isfinite(Gumbel(full({}, 0.0, options), 1).sample({10000}, &g)).all().item<bool>());
    EXPECT_TRUE(isfinite(Exponential(full({}, 1.0, options)).sample({10000}, &g)).all().item<bool>());
    EXPECT_TRUE(eq(Geometric(full({}, 1.0, options)).sample({100}, &g), 0).all().item<bool>());
    EXPECT_TRUE(eq(Bernoulli(full({}, 0.0, options)).sample({10000}, &g), 0).all().item<bool>());
    EXPECT_TRUE(eq(Bernoulli(full({}, 1.0, options)).sample({10000}, &g), 1).all().item<bool>());
  }
}

TEST(Samples, Relaxed) {
  const Tensor logits = tensor({1.0, 0.0, -1.0}, {.dtype = f64}).requires_grad_();
  const RelaxedOneHotCategorical d(0.5, {.logits = logits});
  Generator g(29);
  const Tensor x = d.rsample({kCount}, &g);
  EXPECT_TRUE(allclose(x.sum(-1), ones({kCount}, {.dtype = f64})));
  // The largest element is that of the classes' distribution.
  for (int64_t k = 0; k < 3; ++k) {
    const double p = d.probs().detach().select(0, k).item<double>();
    const auto seen = eq(argmax(x, -1), k).to(f64).mean().item<double>();
    EXPECT_NEAR(seen, p, 4.9 * std::sqrt(p * (1 - p) / kCount)) << k;
  }
  (x * wide({1, 2, 3})).sum().backward();
  EXPECT_NEAR(logits.grad().sum().item<double>(), 0, 1e-6);
  EXPECT_GT(abs(logits.grad()).max().item<double>(), 1);

  const RelaxedBernoulli b(wide({0.5}), wide({0.25}));
  const auto above = gt(b.sample({kCount}, &g), 0.5).to(f64).mean().item<double>();
  EXPECT_NEAR(above, 0.25, 4.9 * std::sqrt(0.25 * 0.75 / kCount));
}

TEST(Samples, StraightThrough) {
  const Tensor probs = tensor({0.25, 0.25, 0.5}, {.dtype = f64}).requires_grad_();
  const OneHotCategoricalStraightThrough d(probs);
  EXPECT_TRUE(d.has_rsample());
  const Tensor x = d.rsample({4});
  EXPECT_TRUE(allclose(x.sum(-1), ones({4}, {.dtype = f64})));
  (x * wide({1, 2, 3})).sum().backward();
  // Of probs / sum: 4 (w - sum(p w)).
  EXPECT_TRUE(allclose(probs.grad(), wide({-5, -1, 3})));
}

TEST(Samples, SameForAnyNumberOfThreads) {
  for (const auto& [name, d] : with_moments()) {
    Tensor one, four;
    {
      const ThreadWidth narrow(1);
      Generator g(30);
      one = d->sample({kCount}, &g);
    }
    const ThreadWidth wide(4);
    Generator g(30);
    four = d->sample({kCount}, &g);
    EXPECT_TRUE(equal(one, four)) << name;
  }
}

TEST(Samples, ModesOfDirichletAndBeta) {
  EXPECT_TRUE(equal(Dirichlet(tensor({0.25, 0.75, 0.5})).mode(), tensor({0.0, 1.0, 0.0})));
  EXPECT_TRUE(equal(Beta(tensor({0.25, 0.75}), 0.5).mode(), tensor({0.0, 1.0})));
}

TEST(Compound, Errors) {
  EXPECT_EQ(error_of([] { Independent(Normal(zeros({2}), 1), 2); }),
            "Independent: the batch of Normal is [2], of which 2 dimensions cannot be taken");
  EXPECT_EQ(error_of([] { MixtureSameFamily(Categorical(ones({3})), Normal(zeros({2}), 1)); }),
            "MixtureSameFamily: a mixture of batch [] and 3 components needs components of batch [3], but it is [2]");
  EXPECT_EQ(error_of([] { Multinomial(-1, ones({2})); }), "Multinomial: total_count must be at least 0, but is -1");
  EXPECT_EQ(error_of([] { Multinomial(2, ones({2})).log_prob(ones({3})); }),
            "Multinomial: log_prob: a value has the shape [2], which [3] does not end in");
  EXPECT_EQ(error_of([] { Multinomial(3, ones({2})).log_prob(ones({2})); }),
            "Multinomial: log_prob: the value must be counts whose sum is 3, but is [1, 1]");
  EXPECT_EQ(error_of([] { Dirichlet(full({}, 1.0)); }),
            "Dirichlet: concentration must be [..., classes], but is a single number");
  EXPECT_EQ(error_of([] { Dirichlet(tensor({1.0, 0.0})); }), "Dirichlet: concentration must be above 0, but is [1, 0]");
  EXPECT_EQ(error_of([] {
              Dirichlet(ones({2})).log_prob(tensor({0.5, 0.75}));
            }),
            "Dirichlet: log_prob: the value must be numbers of at least 0 whose sum is 1, but is [0.5, 0.75]");
  EXPECT_EQ(error_of([] { MultivariateNormal(zeros({2}), {}); }),
            "MultivariateNormal: expected one of covariance_matrix, precision_matrix and scale_tril, but got 0");
  EXPECT_EQ(error_of([] {
              MultivariateNormal(zeros({2}), {.covariance_matrix = tensor({{1.0, 2.0}, {2.0, 1.0}})});
            }),
            "MultivariateNormal: covariance_matrix must be symmetric and positive-definite, but is [1, 2, 2, 1]");
  EXPECT_EQ(error_of([] {
              MultivariateNormal(zeros({2}), {.scale_tril = tensor({{1.0, 2.0}, {2.0, 1.0}})});
            }),
            "MultivariateNormal: scale_tril must be a lower triangle with a positive diagonal, but is [1, 2, 2, 1]");
  EXPECT_EQ(error_of([] { MultivariateNormal(zeros({3}), {.scale_tril = eye(2)}); }),
            "MultivariateNormal: loc must be [..., n] and scale_tril [..., n, n], but the shapes are [3] and [2, 2]");
  EXPECT_EQ(error_of([] {
              Binomial(tensor({1.0, 2.0}), 0.5).enumerate_support();
            }),
            "Binomial: enumerate_support: total_count differs within the batch");
  EXPECT_EQ(error_of([] {
              RelaxedOneHotCategorical(tensor({1.0, 2.0}), ones({2}));
            }),
            "RelaxedOneHotCategorical: temperature must be one number, but its shape is [2]");
  EXPECT_EQ(error_of([] { Gamma(1, 1).cdf(ones({})); }), "Gamma has no cdf");
  EXPECT_EQ(error_of([] { Chi2(tensor({1.0, -1.0})); }), "Chi2: df must be above 0, but is -1 at [1]");
}

TEST(Compound, WithoutElements) {
  EXPECT_EQ(Dirichlet(ones({0, 3})).sample({2}).shape(), Shape({2, 0, 3}));
  EXPECT_EQ(Gamma(ones({0}), 1).sample({2}).shape(), Shape({2, 0}));
  EXPECT_EQ(Multinomial(3, ones({0, 4})).sample().shape(), Shape({0, 4}));
  EXPECT_TRUE(equal(Multinomial(0, ones({4})).sample({2}), zeros({2, 4})));
  EXPECT_EQ(Independent(Normal(zeros({2, 0}), 1), 1).log_prob(zeros({2, 0})).to_vector<float>(),
            (std::vector<float>{0, 0}));
  EXPECT_EQ(MultivariateNormal(zeros({0, 2}), {.scale_tril = eye(2)}).sample({3}).shape(), Shape({3, 0, 2}));
}

}  // namespace
}  // namespace hearth::distributions
