// Densities, moments and divergences, and their gradients, against PyTorch's (tools/golden/distributions.py).
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/autograd/backward.h"
#include "core/distributions/distributions.h"
#include "core/io/or_throw.h"
#include "core/io/safetensors.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/testing/error_of.h"

namespace hearth::distributions {
namespace {

using testing::error_of;
using Tensors = std::vector<Tensor>;
using Pointer = std::shared_ptr<const Distribution>;

const std::map<std::string, Tensor>& golden() {
  static const std::map<std::string, Tensor> all = [] {
    const auto file = io::or_throw(io::load_safetensors("tests/core/distributions/golden.safetensors"));
    return std::map<std::string, Tensor>(file.tensors.begin(), file.tensors.end());
  }();
  return all;
}

template <class D, class... A>
Pointer make(A&&... a) {
  return std::make_shared<const D>(std::forward<A>(a)...);
}

// A distribution of a case's parameters.
using Maker = std::function<Pointer(const Tensors&)>;
// Makes D of that many of them.
template <class D>
Maker of(size_t count) {
  return [count](const Tensors& x) -> Pointer {
    EXPECT_EQ(x.size(), count);
    if constexpr (std::is_constructible_v<D, Tensor, Tensor, Tensor>) {
      if (count == 3) return make<D>(x[0], x[1], x[2]);
    }
    if constexpr (std::is_constructible_v<D, Tensor, Tensor>) {
      if (count == 2) return make<D>(x[0], x[1]);
    }
    if constexpr (std::is_constructible_v<D, Tensor>) return make<D>(x[0]);
    return nullptr;
  };
}
template <class D>
Maker of_logits() {
  return [](const Tensors& x) { return make<D>(ProbsOrLogits{.logits = x[0]}); };
}

Pointer normals(const Tensors& x, int64_t dims) { return make<Independent>(Normal(x[0], x[1]), dims); }

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

// Values may be off by this share of their size or of 1.
double slack(DType t) { return t == f64 ? 1e-9 : 5e-4; }

void expect_near(const Tensor& got, const Tensor& want, double most, const std::string& what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const std::vector<double> a = got.to_vector<double>(), b = want.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) EXPECT_TRUE(std::isnan(a[i])) << what << ", element " << i << " is " << a[i];
    else if (std::isinf(b[i])) EXPECT_EQ(a[i], b[i]) << what << ", element " << i;
    else EXPECT_NEAR(a[i], b[i], most * std::max(1.0, std::abs(b[i]))) << what << ", element " << i;
  }
}

class Case {
 public:
  Case(std::string name, DType t) : name_(std::move(name)), dtype_(t) {
    for (int k = 0; golden().contains(key(concat("param.", k))); ++k) params_.push_back(leaf(concat("param.", k)));
  }
  const Tensors& params() const { return params_; }
  bool has(const std::string& part) const { return golden().contains(key(part)); }
  Tensor leaf(const std::string& part) const {
    const Tensor t = golden().at(key(part));
    return t.is_floating_point() ? t.to(dtype_).clone().requires_grad_() : t;
  }
  Tensor want(const std::string& part) const { return golden().at(key(part)); }

  // A result and its gradients, of x too.
  void check(const std::string& part, const Tensor& got, const Tensor& x = {}) const {
    const std::string what = name_ + " " + part + " " + hearth::to_string(dtype_);
    expect_near(got, want(part), slack(dtype_), what);
    EXPECT_TRUE(got.dtype() == dtype_ || !got.is_floating_point()) << what;
    if (got.requires_grad()) got.sum().backward();
    for (size_t k = 0; k < params_.size(); ++k) check_gradient(part, concat("grad.", k), params_[k]);
    if (x.defined()) check_gradient(part, "grad.x", x);
  }

 private:
  std::string key(const std::string& part) const { return name_ + "/" + part; }
  void check_gradient(const std::string& part, const std::string& which, Tensor leaf) const {
    const std::string at = part + "/" + which, what = name_ + " " + at + " " + hearth::to_string(dtype_);
    if (!leaf.requires_grad()) return;
    const Tensor g = leaf.grad();
    leaf.set_grad(Tensor());
    if (has(at)) {
      ASSERT_TRUE(g.defined()) << what;
      expect_near(g, want(at), 10 * slack(dtype_), what);
    } else if (g.defined() && has(part)) {
      // The script leaves out gradients that are nothing but NaN.
      for (const double v : g.to_vector<double>()) EXPECT_TRUE(v == 0 || std::isnan(v)) << what << " is " << v;
    }
  }
  std::string name_;
  DType dtype_;
  Tensors params_;
};

class Values : public ::testing::TestWithParam<std::string> {};

using Moment = Tensor (Distribution::*)() const;
constexpr std::pair<const char*, Moment> kMoments[] = {
    {"mean", &Distribution::mean},     {"mode", &Distribution::mode},       {"variance", &Distribution::variance},
    {"stddev", &Distribution::stddev}, {"entropy", &Distribution::entropy}, {"perplexity", &Distribution::perplexity}};
using Function = Tensor (Distribution::*)(const Tensor&) const;
constexpr std::pair<const char*, Function> kFunctions[] = {{"log_prob", &Distribution::log_prob},
                                                           {"cdf", &Distribution::cdf}};

// That a distribution lacks what PyTorch's lacks, or what the script leaves out.
void expect_lacking(const std::string& what, const std::string& error) {
  EXPECT_NE(error.find(" has no "), std::string::npos) << what << ": " << error;
}

// PyTorch limits probabilities to [eps, 1 - eps], so that those at the ends are not the same in f32.
std::vector<DType> compared(const std::string& name) {
  const bool at_ends = name.ends_with("certain") || name.ends_with("zero") || name == "kl bernoulli poisson" ||
                       name == "kl bernoulli bernoulli";
  return at_ends ? std::vector<DType>{f64} : std::vector<DType>{f64, f32};
}

TEST_P(Values, AsInPyTorch) {
  for (const DType t : compared(GetParam())) {
    const Case c(GetParam(), t);
    const Pointer d = makers().at(GetParam())(c.params());
    for (const auto& [name, moment] : kMoments) {
      // A fresh graph for each.
      const Pointer fresh = makers().at(GetParam())(c.params());
      if (c.has(name)) c.check(name, ((*fresh).*moment)());
      else expect_lacking(GetParam() + " " + name, error_of([&, m = moment] { ((*fresh).*m)(); }));
    }
    for (const auto& [name, function] : kFunctions) {
      const Pointer fresh = makers().at(GetParam())(c.params());
      const Tensor x = c.leaf("value");
      if (c.has(name)) c.check(name, ((*fresh).*function)(x), x);
      else expect_lacking(GetParam() + " " + name, error_of([&, f = function] { ((*fresh).*f)(x); }));
    }
    if (c.has("p")) {
      const Tensor p = c.leaf("p");
      c.check("icdf", d->icdf(p), p);
    }
    EXPECT_EQ(d->has_enumerate_support(), c.has("enumerate_support"));
    if (!d->has_enumerate_support()) continue;
    expect_near(d->enumerate_support(), c.want("enumerate_support"), 0, "enumerate_support");
    expect_near(d->enumerate_support(false), c.want("enumerate_support_unexpanded"), 0, "enumerate_support");
  }
}

// What is expanded has the same values.
TEST_P(Values, Expanded) {
  const Case c(GetParam(), f64);
  const Pointer d = makers().at(GetParam())(c.params());
  const Tensor x = c.leaf("value"), want = d->log_prob(x);
  // 3, then as many dimensions as the densities have.
  Shape batch{3};
  for (int n = d->batch_shape().rank(); n < want.dim(); ++n) batch.push_back(1);
  for (const int64_t size : d->batch_shape()) batch.push_back(size);
  const Pointer e = d->expand(batch);
  EXPECT_EQ(e->batch_shape(), batch);
  EXPECT_EQ(e->event_shape(), d->event_shape());
  EXPECT_STREQ(e->name(), d->name());
  const Tensor got = e->log_prob(x);
  EXPECT_EQ(got.shape()[0], 3);
  expect_near(got.select(0, 2), want, 1e-12, GetParam());
  const Tensor sample = e->sample({2});
  Shape all{2};
  for (const int64_t size : batch) all.push_back(size);
  for (const int64_t size : e->event_shape()) all.push_back(size);
  EXPECT_EQ(sample.shape(), all);
  EXPECT_EQ(error_of([&] { (void)e->log_prob(sample); }), testing::kNoError);
}

// Samples of f16 and bf16 are values of the distribution.
TEST_P(Values, Halves) {
  for (const DType t : {f16, bf16}) {
    // f16 does not hold e^x of far Laplace numbers.
    if (t == f16 && GetParam() == "transformed exp") continue;
    const Case c(GetParam(), t);
    const Pointer d = makers().at(GetParam())(c.params());
    EXPECT_EQ(d->dtype(), t);
    const Tensor x = d->sample({20});
    EXPECT_TRUE(x.dtype() == t || !x.is_floating_point());
    const Tensor log_p = d->log_prob(x);
    EXPECT_EQ(log_p.dtype(), t);
    if (isinf(x).any().item<bool>()) continue;
    for (const double v : log_p.to_vector<double>()) EXPECT_FALSE(std::isnan(v));
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& [name, maker] : makers()) all.push_back(name);
  return all;
}
std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}
INSTANTIATE_TEST_SUITE_P(Distributions, Values, ::testing::ValuesIn(names()), test_name);

// Every case of the file is tested.
TEST(Values, AllCases) {
  for (const auto& [key, value] : golden()) {
    const std::string name = key.substr(0, key.find('/'));
    EXPECT_TRUE(name.starts_with("kl ") || makers().contains(name)) << name;
  }
}

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
