#include "tests/core/distributions/cases.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd/backward.h"
#include "core/io/or_throw.h"
#include "core/io/safetensors.h"
#include "core/ops/reduce.h"

namespace hearth::distributions {
namespace {

// Values may be off by this share of their size or of 1.
double slack(DType t) { return t == f64 ? 1e-9 : 5e-4; }

}  // namespace

const std::map<std::string, Tensor>& golden() {
  static const std::map<std::string, Tensor> all = [] {
    const auto file = io::or_throw(io::load_safetensors("tests/core/distributions/golden.safetensors"));
    return std::map<std::string, Tensor>(file.tensors.begin(), file.tensors.end());
  }();
  return all;
}

std::vector<DType> compared(const std::string& name) {
  const bool at_ends = name.ends_with("certain") || name.ends_with("zero") || name == "kl bernoulli poisson" ||
                       name == "kl bernoulli bernoulli";
  return at_ends ? std::vector<DType>{f64} : std::vector<DType>{f64, f32};
}

void expect_near(const Tensor& got, const Tensor& want, double most, const std::string& what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const std::vector<double> a = got.to_vector<double>(), b = want.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) EXPECT_TRUE(std::isnan(a[i])) << what << ", element " << i << " is " << a[i];
    else if (std::isinf(b[i])) EXPECT_EQ(a[i], b[i]) << what << ", element " << i;
    else EXPECT_NEAR(a[i], b[i], most * std::max(1.0, std::abs(b[i]))) << what << ", element " << i;
  }
}

Case::Case(std::string name, DType t) : name_(std::move(name)), dtype_(t) {
  for (int k = 0; golden().contains(key(concat("param.", k))); ++k) params_.push_back(leaf(concat("param.", k)));
}

Tensor Case::leaf(const std::string& part) const {
  const Tensor t = golden().at(key(part));
  return t.is_floating_point() ? t.to(dtype_).clone().requires_grad_() : t;
}

void Case::check(const std::string& part, const Tensor& got, const Tensor& x) const {
  const std::string what = name_ + " " + part + " " + hearth::to_string(dtype_);
  expect_near(got, want(part), slack(dtype_), what);
  EXPECT_TRUE(got.dtype() == dtype_ || !got.is_floating_point()) << what;
  if (got.requires_grad()) got.sum().backward();
  for (size_t k = 0; k < params_.size(); ++k) check_gradient(part, concat("grad.", k), params_[k]);
  if (x.defined()) check_gradient(part, "grad.x", x);
}

void Case::check_gradient(const std::string& part, const std::string& which, Tensor leaf) const {
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

}  // namespace hearth::distributions
