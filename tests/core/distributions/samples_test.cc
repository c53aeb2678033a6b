// Samples: how they are distributed, and that they are the same for any number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/base/parallel.h"
#include "core/distributions/distributions.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
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
      {"Weibull", make<Weibull>(wide({0.25, 4}), wide({1.5, 3}))},
      {"Pareto", make<Pareto>(wide({0.25, 4}), wide({12, 20}))},
      {"InverseGamma", make<InverseGamma>(wide({12, 20}), wide({0.25, 4}))},
      {"NegativeBinomial", make<NegativeBinomial>(wide({0.75, 4}), wide({0.25, 0.75}))},
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
    if (name == "Poisson" || name == "MixtureSameFamily" || name == "NegativeBinomial") continue;
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
      {"HalfCauchy", make<HalfCauchy>(0.25)},
      {"Weibull", make<Weibull>(0.25, 0.5)},
      {"Pareto", make<Pareto>(0.25, 0.5)},
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

}  // namespace
}  // namespace hearth::distributions
