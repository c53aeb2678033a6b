// Gradients of samples, and samples at the ends of what dtypes hold.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "core/autograd/backward.h"
#include "core/distributions/distributions.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth::distributions {
namespace {

using Pointer = std::shared_ptr<const Distribution>;

constexpr int64_t kCount = 20000;

Tensor wide(std::vector<double> v) { return tensor(v, {.dtype = f64}); }
template <class D, class... A>
Pointer make(A&&... a) {
  return std::make_shared<const D>(std::forward<A>(a)...);
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
      {"Weibull", [](const Tensor& a, const Tensor& b) { return make<Weibull>(a, b); }},
      {"Pareto", [](const Tensor& a, const Tensor& b) { return make<Pareto>(a, b + 9); }},
      {"InverseGamma", [](const Tensor& a, const Tensor& b) { return make<InverseGamma>(a + 9, b); }},
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

}  // namespace
}  // namespace hearth::distributions
