// Divergences and their gradients, against PyTorch's (tools/golden/distributions.py); rules of a program's own.
#include "core/distributions/kl.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "core/distributions/distributions.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"
#include "tests/core/distributions/cases.h"

namespace hearth::distributions {
namespace {

using testing::error_of;

TEST(KlDivergence, AsInPyTorch) {
  // How many parameters the families have.
  const std::map<std::string, std::pair<Maker, size_t>> families{
      {"normal", {of<Normal>(2), 2}},
      {"laplace", {of<Laplace>(2), 2}},
      {"gumbel", {of<Gumbel>(2), 2}},
      {"cauchy", {of<Cauchy>(2), 2}},
      {"gamma", {of<Gamma>(2), 2}},
      {"beta", {of<Beta>(2), 2}},
      {"uniform", {of<Uniform>(2), 2}},
      {"exponential", {of<Exponential>(1), 1}},
      {"poisson", {of<Poisson>(1), 1}},
      {"bernoulli", {of<Bernoulli>(1), 1}},
      {"binomial", {of<Binomial>(2), 2}},
      {"chi2", {of<Chi2>(1), 1}},
      {"half normal", {of<HalfNormal>(1), 1}},
      {"pareto", {of<Pareto>(2), 2}},
      {"inverse gamma", {of<InverseGamma>(2), 2}},
      {"log normal", {of<LogNormal>(2), 2}},
      {"geometric", {of<Geometric>(1), 1}},
      {"dirichlet", {of<Dirichlet>(1), 1}},
      {"categorical", {of<Categorical>(1), 1}},
      {"one hot", {of<OneHotCategorical>(1), 1}},
      {"multivariate normal", {makers().at("multivariate normal"), 2}},
      {"independent", {makers().at("independent"), 2}}};
  std::set<std::string> tested;
  for (const auto& [first, p] : families) {
    for (const auto& [second, q] : families) {
      const std::string name = concat("kl ", first, " ", second);
      if (!golden().contains(name + "/kl")) continue;
      tested.insert(name);
      for (const DType t : compared(name)) {
        const Case c(name, t);
        const auto middle = c.params().begin() + static_cast<std::ptrdiff_t>(p.second);
        c.check("kl", kl_divergence(*p.first(Tensors(c.params().begin(), middle)),
                                    *q.first(Tensors(middle, c.params().end()))));
      }
    }
  }
  for (const auto& [key, value] : golden()) {
    const std::string name = key.substr(0, key.find('/'));
    EXPECT_TRUE(!name.starts_with("kl ") || tested.contains(name)) << name;
  }
}

TEST(KlDivergence, UnknownPairsAreNamed) {
  EXPECT_EQ(error_of([] { kl_divergence(Normal(0, 1), Cauchy(0, 1)); }),
            "kl_divergence: none is known of Normal from Cauchy");
  EXPECT_EQ(error_of([] { kl_divergence(Binomial(2, 0.5), Binomial(3, 0.5)); }),
            "kl_divergence: none is known of Binomial from Binomial of more trials");
  EXPECT_EQ(error_of([] {
              kl_divergence(Independent(Normal(zeros({2, 2}), 1), 1), Independent(Normal(zeros({2, 2}), 1), 2));
            }),
            "kl_divergence: of 1 and 2 dimensions of two Independent distributions");
  EXPECT_NE(error_of([] { kl_divergence(Normal(zeros({2}), 1), Normal(zeros({3}), 1)); }), testing::kNoError);
}

TEST(KlDivergence, Halves) {
  const Tensor kl = kl_divergence(Normal(zeros({2}, {.dtype = f16}), 2), Normal(ones({2}, {.dtype = f16}), 1));
  EXPECT_EQ(kl.dtype(), f16);
  EXPECT_EQ(kl_divergence(Normal(zeros({2}, {.dtype = f16}), 2), Beta(ones({2}, {.dtype = f16}), 1)).dtype(), f16);
}

// A distribution of a program.
class Always : public Distribution {
 public:
  explicit Always(double value) : Distribution("Always", {}, {}, f32, kCpu, false), value_(value) {}
  Constraint support() const override { return constraints::real(); }

 private:
  Tensor draw(const Shape& sample_shape, Generator*) const override { return full(sample_shape, value_); }
  Tensor compute_log_prob(const Tensor& x) const override { return zeros_like(x); }
  std::shared_ptr<const Distribution> expanded(const Shape&) const override { return std::make_shared<Always>(value_); }
  double value_;
};
class Derived : public Always {
 public:
  Derived() : Always(7) {}
};

TEST(KlDivergence, OfTheProgramsOwnDistributions) {
  EXPECT_EQ(error_of([] { kl_divergence(Always(1), Normal(0, 1)); }),
            "kl_divergence: none is known of Always from Normal");
  register_kl<Always, Normal>([](const Always&, const Normal&) { return full({}, 1.0); });
  EXPECT_EQ(kl_divergence(Always(1), Normal(0, 1)).item<float>(), 1);
  EXPECT_EQ(kl_divergence(Derived(), Normal(0, 1)).item<float>(), 1);
  register_kl<Derived, Normal>([](const Derived&, const Normal&) { return full({}, 2.0); });
  register_kl<Always, Normal>([](const Always&, const Normal&) { return full({}, 3.0); });
  EXPECT_EQ(kl_divergence(Derived(), Normal(0, 1)).item<float>(), 2);
  EXPECT_EQ(kl_divergence(Always(1), Normal(0, 1)).item<float>(), 3);
  EXPECT_EQ(error_of([] { (void)Always(1).mean(); }), "Always has no mean");
  EXPECT_EQ(error_of([] { (void)Always(1).entropy(); }), "Always has no entropy");
}

}  // namespace
}  // namespace hearth::distributions
