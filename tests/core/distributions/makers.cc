#include "core/distributions/distributions.h"
#include "tests/core/distributions/cases.h"

namespace hearth::distributions {
namespace {

Pointer normals(const Tensors& x, int64_t dims) { return make<Independent>(Normal(x[0], x[1]), dims); }

}  // namespace

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all{
      {"normal", of<Normal>(2)},
      {"log normal", of<LogNormal>(2)},
      {"half normal", of<HalfNormal>(1)},
      {"uniform", of<Uniform>(2)},
      {"exponential", of<Exponential>(1)},
      {"laplace", of<Laplace>(2)},
      {"cauchy", of<Cauchy>(2)},
      {"gumbel", of<Gumbel>(2)},
      {"half cauchy", of<HalfCauchy>(1)},
      {"weibull", of<Weibull>(2)},
      {"pareto", of<Pareto>(2)},
      {"inverse gamma", of<InverseGamma>(2)},
      {"negative binomial", of<NegativeBinomial>(2)},
      {"negative binomial logits",
       [](const Tensors& x) { return make<NegativeBinomial>(x[0], ProbsOrLogits{.logits = x[1]}); }},
      {"student t", of<StudentT>(3)},
      {"gamma", of<Gamma>(2)},
      {"chi2", of<Chi2>(1)},
      {"beta", of<Beta>(2)},
      {"dirichlet", of<Dirichlet>(1)},
      {"poisson", of<Poisson>(1)},
      {"geometric", of<Geometric>(1)},
      {"geometric logits", of_logits<Geometric>()},
      {"bernoulli", of<Bernoulli>(1)},
      {"bernoulli certain", of<Bernoulli>(1)},
      {"bernoulli logits", of_logits<Bernoulli>()},
      {"binomial", of<Binomial>(2)},
      {"binomial logits", [](const Tensors& x) { return make<Binomial>(x[0], ProbsOrLogits{.logits = x[1]}); }},
      {"categorical", of<Categorical>(1)},
      {"categorical with a zero", of<Categorical>(1)},
      {"categorical logits", of_logits<Categorical>()},
      {"one hot", of<OneHotCategorical>(1)},
      {"one hot logits", of_logits<OneHotCategorical>()},
      {"multinomial", [](const Tensors& x) { return make<Multinomial>(4, x[0]); }},
      {"multinomial logits", [](const Tensors& x) { return make<Multinomial>(4, ProbsOrLogits{.logits = x[0]}); }},
      {"multivariate normal",
       [](const Tensors& x) { return make<MultivariateNormal>(x[0], Covariance{.covariance_matrix = x[1]}); }},
      {"multivariate normal precision",
       [](const Tensors& x) { return make<MultivariateNormal>(x[0], Covariance{.precision_matrix = x[1]}); }},
      {"multivariate normal scale",
       [](const Tensors& x) { return make<MultivariateNormal>(x[0], Covariance{.scale_tril = x[1]}); }},
      {"independent", [](const Tensors& x) { return normals(x, 1); }},
      {"independent 2", [](const Tensors& x) { return normals(x, 2); }},
      {"independent bernoulli", [](const Tensors& x) { return make<Independent>(Bernoulli(x[0]), 1); }},
      {"relaxed bernoulli", of<RelaxedBernoulli>(2)},
      {"relaxed bernoulli logits",
       [](const Tensors& x) { return make<RelaxedBernoulli>(x[0], ProbsOrLogits{.logits = x[1]}); }},
      {"relaxed one hot", of<RelaxedOneHotCategorical>(2)},
      {"mixture", [](const Tensors& x) { return make<MixtureSameFamily>(Categorical(x[0]), Normal(x[1], x[2])); }},
      {"mixture of vectors",
       [](const Tensors& x) { return make<MixtureSameFamily>(Categorical(x[0]), Independent(Normal(x[1], x[2]), 1)); }},
      {"transformed",
       [](const Tensors& x) {
         return make<TransformedDistribution>(
             Normal(x[0], x[1]), TransformedDistribution::Transforms{std::make_shared<AffineTransform>(1.0, -0.5),
                                                                     std::make_shared<SigmoidTransform>()});
       }},
      {"transformed tanh",
       [](const Tensors& x) {
         return make<TransformedDistribution>(Normal(x[0], x[1]),
                                              TransformedDistribution::Transforms{std::make_shared<TanhTransform>()});
       }},
      {"transformed exp",
       [](const Tensors& x) {
         return make<TransformedDistribution>(Laplace(x[0], x[1]),
                                              TransformedDistribution::Transforms{std::make_shared<ExpTransform>()});
       }},
      {"transformed vectors", [](const Tensors& x) {
         return make<TransformedDistribution>(Independent(Normal(x[0], x[1]), 1),
                                              TransformedDistribution::Transforms{std::make_shared<ExpTransform>()});
       }}};
  return all;
}

}  // namespace hearth::distributions
