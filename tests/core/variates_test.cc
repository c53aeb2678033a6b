// How numbers that are drawn by rejection are distributed, and the gradient of gamma variates.
#include "core/ops/variates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/autograd/backward.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

// P(a, x), by its series; far to the right as 1.
double gamma_cdf(double a, double x) {
  if (x <= 0) return 0;
  if (x > a + 40 * std::sqrt(a) + 60) return 1;
  double term = 1 / a, sum = term;
  for (int k = 1; k < 100000 && term > sum * 1e-17; ++k) sum += term *= x / (a + k);
  return sum * std::exp(a * std::log(x) - x - std::lgamma(a));
}

// The largest distance of the empirical distribution function from the true one, times the root of n: above 2.2 with
// probability 1e-4.
template <class F>
double kolmogorov(std::vector<double> x, F cdf) {
  std::sort(x.begin(), x.end());
  double largest = 0;
  const auto n = static_cast<double>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(x[i]);
    largest =
        std::max({largest, std::abs(p - static_cast<double>(i) / n), std::abs(static_cast<double>(i + 1) / n - p)});
  }
  return largest * std::sqrt(n);
}

TEST(StandardGamma, Distribution) {
  for (const double a : {0.05, 0.5, 0.99, 1.0, 1.5, 7.0, 150.0, 1e5}) {
    Generator g(11);
    const Tensor x = standard_gamma(full({20000}, a, {.dtype = f64}), &g);
    EXPECT_LT(kolmogorov(x.to_vector<double>(), [&](double v) { return gamma_cdf(a, v); }), 2.2) << a;
  }
}

TEST(StandardGamma, SmallConcentrationsByLogarithms) {
  // x^a is nearly uniform.
  constexpr double a = 1e-3;
  Generator g(3), same(3);
  const Tensor y = log_standard_gamma(full({20000}, a), &g);
  EXPECT_TRUE(isfinite(y).all().item<bool>());
  EXPECT_LT(kolmogorov((y * a).to_vector<double>(), [](double v) { return std::min(std::exp(v), 1.0); }), 2.2);
  // As a number most are below what f32 holds.
  const Tensor x = standard_gamma(full({20000}, a), &same);
  EXPECT_TRUE(gt(x, 0).all().item<bool>());
  const Tensor large = gt(y, -80);
  EXPECT_TRUE(allclose(where(large, log(x), Scalar(0.0)), where(large, y, Scalar(0.0)), 1e-4));
}

TEST(StandardGamma, Gradient) {
  // E[x] = a and E[log x] = digamma(a), so the gradients' means are 1 and trigamma(a).
  const double trigamma_of_2 = std::numbers::pi * std::numbers::pi / 6 - 1;
  Tensor a = full({}, 2.0, {.dtype = f64}).requires_grad_();
  Generator g(4);
  standard_gamma(expand(a, {100000}), &g).mean().backward();
  EXPECT_NEAR(a.grad().item<double>(), 1, 0.01);
  a.set_grad(Tensor());
  log_standard_gamma(expand(a, {100000}), &g).mean().backward();
  EXPECT_NEAR(a.grad().item<double>(), trigamma_of_2, 0.01);
}

TEST(StandardGamma, GradientIsThatOfTheQuantile) {
  const Tensor a = full({50}, 1.75, {.dtype = f64}).requires_grad_();
  Generator g(5);
  const Tensor x = standard_gamma(a, &g);
  x.sum().backward();
  const std::vector<double> at = x.to_vector<double>(), slope = a.grad().to_vector<double>();
  for (size_t i = 0; i < at.size(); ++i) {
    constexpr double h = 1e-5;
    const double density = std::exp(0.75 * std::log(at[i]) - at[i] - std::lgamma(1.75));
    EXPECT_NEAR(slope[i], -(gamma_cdf(1.75 + h, at[i]) - gamma_cdf(1.75 - h, at[i])) / (2 * h) / density, 1e-6);
  }
}

TEST(StandardGamma, SameForAnyNumberOfThreads) {
  const Tensor a = full({10000}, 0.7), rate = full({10000}, 30.0), count = full({10000}, 90.0), p = full({10000}, 0.4);
  const auto all = [&] {
    Generator g(6);
    return std::vector<Tensor>{standard_gamma(a, &g), poisson(rate, &g), binomial(count, p, &g)};
  };
  std::vector<Tensor> one;
  {
    const ThreadWidth narrow(1);
    one = all();
  }
  const ThreadWidth wide(4);
  const std::vector<Tensor> four = all();
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(equal(one[i], four[i])) << i;
}

// The distance of a sample of counts from its distribution, p(k) given: chi-square over classes of at least 20
// expected counts, in standard deviations.
template <class F>
double chi_square(const std::vector<double>& x, int64_t most, F probability) {
  const auto n = static_cast<double>(x.size());
  std::vector<double> seen(static_cast<size_t>(most) + 1);
  for (const double v : x) {
    EXPECT_TRUE(v >= 0 && v <= static_cast<double>(most) && v == std::floor(v)) << v;
    ++seen[static_cast<size_t>(std::clamp(v, 0.0, static_cast<double>(most)))];
  }
  double sum = 0, classes = -1, expected = 0, found = 0, left = n;
  for (size_t k = 0; k < seen.size(); ++k) {
    const double e = n * probability(static_cast<double>(k));
    expected += e;
    found += seen[k];
    left -= e;
    if (expected < 20 || (left < 20 && k + 1 < seen.size())) continue;
    sum += (found - expected) * (found - expected) / expected;
    classes += 1;
    expected = found = 0;
  }
  return (sum - classes) / std::sqrt(2 * std::max(classes, 1.0));
}

TEST(Poisson, Distribution) {
  for (const double rate : {0.01, 0.5, 4.0, 9.99, 10.0, 11.0, 60.0, 1000.0}) {
    Generator g(7);
    const std::vector<double> x = poisson(full({40000}, rate, {.dtype = f64}), &g).to_vector<double>();
    const auto probability = [&](double k) { return std::exp(k * std::log(rate) - rate - std::lgamma(k + 1)); };
    EXPECT_LT(chi_square(x, static_cast<int64_t>(rate + 12 * std::sqrt(rate) + 12), probability), 4.5) << rate;
  }
}

TEST(Poisson, LargeRates) {
  for (const double rate : {1e6, 1e12, 1e15}) {
    Generator g(8);
    const Tensor z = (poisson(full({20000}, rate, {.dtype = f64}), &g) - rate) / std::sqrt(rate);
    EXPECT_LT(kolmogorov(z.to_vector<double>(), [](double v) { return std::erfc(-v / std::numbers::sqrt2) / 2; }), 2.2)
        << rate;
  }
}

TEST(Binomial, Distribution) {
  for (const auto& [n, p] : std::vector<std::pair<double, double>>{
           {1, 0.3}, {5, 0.5}, {12, 0.9}, {40, 0.2}, {40, 0.25}, {100, 0.5}, {1000, 0.97}, {5000, 0.001}}) {
    Generator g(9);
    const TensorOptions wide{.dtype = f64};
    const std::vector<double> x = binomial(full({40000}, n, wide), full({}, p, wide), &g).to_vector<double>();
    const auto probability = [n = n, p = p](double k) {
      return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(p) +
                      (n - k) * std::log1p(-p));
    };
    EXPECT_LT(chi_square(x, static_cast<int64_t>(n), probability), 4.5) << n << " " << p;
  }
}

TEST(Binomial, ManyTrialsAndFewSuccesses) {
  Generator g(10);
  const TensorOptions wide{.dtype = f64};
  const std::vector<double> x = binomial(full({40000}, 1e15, wide), full({}, 3e-15, wide), &g).to_vector<double>();
  EXPECT_LT(chi_square(x, 30, [](double k) { return std::exp(k * std::log(3.0) - 3 - std::lgamma(k + 1)); }), 4.5);
}

TEST(Variates, Shapes) {
  EXPECT_EQ(standard_gamma(ones({2, 0})).shape(), Shape({2, 0}));
  EXPECT_EQ(poisson(ones({}, {.dtype = f16})).dtype(), f16);
  EXPECT_EQ(binomial(ones({3, 1}), zeros({2})).shape(), Shape({3, 2}));
  // Operands lie in any order.
  const Tensor rates = transpose(arange(6.0).reshape({2, 3}) * 10, 0, 1);
  Generator g(1), same(1);
  EXPECT_TRUE(equal(poisson(rates, &g), poisson(rates.contiguous(), &same)));
}

TEST(Variates, OperandsOutsideOfTheirRange) {
  EXPECT_EQ(error_of([] {
              standard_gamma(tensor({1.0, 0.0}));
            }),
            "standard_gamma: concentrations must be finite and above 0");
  EXPECT_EQ(error_of([] { log_standard_gamma(tensor({INFINITY})); }),
            "log_standard_gamma: concentrations must be finite and above 0");
  EXPECT_EQ(error_of([] { poisson(tensor({-1.0})); }), "poisson: rates must be finite and not negative");
  EXPECT_EQ(error_of([] { poisson(tensor({NAN})); }), "poisson: rates must be finite and not negative");
  EXPECT_EQ(error_of([] { binomial(tensor({1.5}), tensor({0.5})); }),
            "binomial: counts must be whole numbers, finite and not negative");
  EXPECT_EQ(error_of([] { binomial(tensor({1.0}), tensor({1.5})); }), "binomial: probabilities must be from 0 to 1");
  EXPECT_NE(error_of([] { poisson(tensor({1, 2})); }), testing::kNoError);
  for (const auto& call : std::vector<std::function<void()>>{
           [] { standard_gamma(Tensor()); }, [] { log_standard_gamma(Tensor()); }, [] { poisson(Tensor()); },
           [] { binomial(Tensor(), ones({2})); }, [] { binomial(ones({2}), Tensor()); }}) {
    EXPECT_NE(error_of(call).find("undefined"), std::string::npos);
  }
  EXPECT_EQ(error_of([] { binomial(ones({2}), ones({2}, {.dtype = f64})); }),
            "binomial: the counts are f32, but the probabilities f64");
}

}  // namespace
}  // namespace hearth
