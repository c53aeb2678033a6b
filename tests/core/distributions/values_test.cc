// Densities and moments, and their gradients, against PyTorch's (tools/golden/distributions.py).
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "core/ops/compare.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"
#include "tests/core/distributions/cases.h"

namespace hearth::distributions {
namespace {

using testing::error_of;

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
      // These have no gradient for the concentration: CdfOfGammas has their values.
      if (GetParam() == "gamma" || GetParam() == "chi2" || GetParam() == "inverse gamma") {
        if (std::string_view(name) == "cdf") continue;
      }
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

}  // namespace
}  // namespace hearth::distributions
