// What cannot be, and what has no elements.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/distributions/distributions.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/testing/error_of.h"

namespace hearth::distributions {
namespace {

using testing::error_of;

TEST(Compound, ModesOfDirichletAndBeta) {
  EXPECT_TRUE(equal(Dirichlet(tensor({0.25, 0.75, 0.5})).mode(), tensor({0.0, 1.0, 0.0})));
  EXPECT_TRUE(equal(Beta(tensor({0.25, 0.75}), 0.5).mode(), tensor({0.0, 1.0})));
}

TEST(Compound, InfiniteMoments) {
  const auto value = [](const Tensor& t) { return t.item<float>(); };
  EXPECT_EQ(value(Pareto(1, 0.5).mean()), INFINITY);
  EXPECT_EQ(value(Pareto(1, 1.5).variance()), INFINITY);
  EXPECT_EQ(value(InverseGamma(0.5, 1).mean()), INFINITY);
  EXPECT_EQ(value(StudentT(1.5).variance()), INFINITY);
  EXPECT_EQ(error_of([] { Pareto(2, 1).log_prob(tensor({1.0})); }),
            "Pareto: log_prob: the value must be at least scale, but is 1 at [0]");
  EXPECT_EQ(error_of([] { NegativeBinomial(2, 1); }),
            "NegativeBinomial: probs must be at least 0 and below 1, but is 1");
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
  EXPECT_EQ(error_of([] { Gamma(1, 1).icdf(ones({})); }), "Gamma has no icdf");
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
