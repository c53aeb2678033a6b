// Draws from weights.
#include "core/ops/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

std::vector<int64_t> draws(const Tensor& weights, int64_t count, bool replacement, uint64_t seed = 1) {
  Generator g(seed);
  return multinomial(weights, count, replacement, &g).to_vector<int64_t>();
}

// Pearson's statistic of counts that should be n times the probabilities.
double chi_squared(const std::vector<double>& counts, const std::vector<double>& probabilities, double n) {
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = n * probabilities[i];
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

// The limits are those that a true sample passes with probability 0.9999.
TEST(Multinomial, WithReplacementDrawsByWeight) {
  std::vector<double> counts(4);
  for (int64_t i : draws(tensor({1.0, 2.0, 0.0, 5.0}), 80000, true)) ++counts[static_cast<size_t>(i)];
  EXPECT_EQ(counts[2], 0);
  EXPECT_LT(chi_squared({counts[0], counts[1], counts[3]}, {1.0 / 8, 2.0 / 8, 5.0 / 8}, 80000), 18.4);
}

TEST(Multinomial, WithoutReplacementDrawsOneAfterTheOther) {
  const double w[] = {1, 2, 5};
  constexpr int64_t rows = 40000;
  const std::vector<int64_t> all = draws(tensor({1.0, 2.0, 5.0}).expand({rows, 3}), 2, false);
  std::map<std::pair<int64_t, int64_t>, double> counts;
  for (size_t r = 0; r < rows; ++r) ++counts[{all[2 * r], all[2 * r + 1]}];
  std::vector<double> seen, probabilities;
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(counts.contains({i, i}), false);
    for (int64_t j = 0; j < 3; ++j) {
      if (i == j) continue;
      seen.push_back(counts[{i, j}]);
      probabilities.push_back(w[i] / 8 * w[j] / (8 - w[i]));
    }
  }
  EXPECT_LT(chi_squared(seen, probabilities, rows), 25.7);
}

// The largest distance of a sample's distribution function from F, times the root of the size: below 2.2 with
// probability 0.9999.
template <class F>
double kolmogorov(std::vector<double> sample, F distribution) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double most = 0;
  for (size_t i = 0; i < sample.size(); ++i) {
    const double f = distribution(sample[i]), at = static_cast<double>(i);
    most = std::max({most, f - at / n, (at + 1) / n - f});
  }
  return most * std::sqrt(n);
}

TEST(InPlace, DrawsFromTheirDistributions) {
  Generator g(3);
  const auto sample = [](Tensor t) { return t.to(f64).to_vector<double>(); };
  for (DType t : {f32, f64}) {
    const TensorOptions o{.dtype = t};
    EXPECT_LT(kolmogorov(sample(empty({20000}, o).exponential_(2, &g)), [](double x) { return 1 - std::exp(-2 * x); }),
              2.2);
    EXPECT_LT(kolmogorov(sample(empty({20000}, o).cauchy_(1, 3, &g)),
                         [](double x) { return 0.5 + std::atan((x - 1) / 3) / 3.14159265358979323846; }),
              2.2);
    EXPECT_LT(kolmogorov(sample(empty({20000}, o).log_normal_(0.5, 2, &g)),
                         [](double x) { return std::erfc(-(std::log(x) - 0.5) / 2 * std::sqrt(0.5)) / 2; }),
              2.2);
  }
  std::vector<double> counts(6), probabilities;
  for (int64_t i : empty({40000}, {.dtype = i64}).geometric_(0.4, &g).to_vector<int64_t>()) {
    ASSERT_GE(i, 1);
    ++counts[static_cast<size_t>(std::min<int64_t>(i, 6) - 1)];
  }
  for (int i = 0; i < 5; ++i) probabilities.push_back(std::pow(0.6, i) * 0.4);
  probabilities.push_back(std::pow(0.6, 5));
  EXPECT_LT(chi_squared(counts, probabilities, 40000), 25.7);
  // Of 16-bit tensors the numbers are not those of a coarse uniform one.
  EXPECT_GT(empty({200000}, {.dtype = f16}).exponential_(1, &g).to(f32).max().item<float>(), 9);
}

TEST(InPlace, DistributionsThatAreNone) {
  Tensor x = empty({2}), whole = empty({2}, {.dtype = i64});
  EXPECT_EQ(error_of([&] { x.exponential_(0); }), "exponential_: the rate must be positive, but is 0");
  EXPECT_EQ(error_of([&] { x.geometric_(1); }), "geometric_: the probability must be between 0 and 1, but is 1");
  EXPECT_EQ(error_of([&] { x.log_normal_(0, -1); }), "log_normal_: the standard deviation must be positive, but is -1");
  EXPECT_EQ(error_of([&] { x.cauchy_(0, NAN); }), "cauchy_: sigma must be positive, but is nan");
  EXPECT_NE(error_of([&] { whole.exponential_(1); }).find("exponential_"), std::string::npos);
  EXPECT_EQ(empty({0}).cauchy_().numel(), 0);
}

TEST(Multinomial, AllOfManyOnce) {
  constexpr int64_t n = 200000;
  std::vector<int64_t> all = draws(arange(1, n + 1).to(f64), n, false);
  std::sort(all.begin(), all.end());
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(all[static_cast<size_t>(i)], i);
  EXPECT_EQ(draws(ones({n}), n, true).size(), static_cast<size_t>(n));
}

TEST(Multinomial, ExtremeWeights) {
  constexpr double big = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
  std::vector<int64_t> d = draws(tensor({big, 0.0, big}, {.dtype = f64}), 1000, true);
  EXPECT_EQ(std::count(d.begin(), d.end(), 1), 0);
  EXPECT_NEAR(static_cast<double>(std::count(d.begin(), d.end(), 0)), 500, 70);
  d = draws(tensor({tiny, 0.0, tiny}, {.dtype = f64}), 2, false);
  std::sort(d.begin(), d.end());
  EXPECT_EQ(d, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(draws(tensor({0.0, 3.0, 0.0}), 5, true), (std::vector<int64_t>(5, 1)));
  EXPECT_EQ(draws(tensor({{1, 0}, {0, 1}}), 1, false), (std::vector<int64_t>{0, 1}));
}

TEST(Multinomial, SameSeedSameDraws) {
  const Tensor w = arange(0, 50).to(f32);
  for (bool replacement : {false, true}) {
    EXPECT_EQ(draws(w, 20, replacement), draws(w, 20, replacement));
    EXPECT_NE(draws(w, 20, replacement), draws(w, 20, replacement, 2));
  }
}

TEST(Multinomial, WhatItCannotDrawFrom) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto of = [](const Tensor& w, int64_t count, bool replacement = false) {
    return error_of([&] { multinomial(w, count, replacement); });
  };
  const std::string bad = "multinomial: weights must be finite and not negative, but one is ";
  EXPECT_EQ(of(tensor({1.0, nan}), 1), bad + "nan");
  EXPECT_EQ(of(tensor({1.0, inf}), 1, true), bad + "inf");
  EXPECT_EQ(of(tensor({1.0, -0.5}), 1), bad + "-0.5");
  EXPECT_EQ(of(zeros({3}), 1), "multinomial: all weights are 0");
  EXPECT_EQ(of(tensor({{1.0, 1.0}, {0.0, 0.0}}), 1, true), "multinomial: all weights are 0");
  EXPECT_EQ(of(tensor({0.0, 1.0, 2.0}), 3),
            "multinomial: cannot draw 3 without replacement: only 2 weights are above 0");
  EXPECT_EQ(of(ones({3}), 4), "multinomial: cannot draw 4 of 3 without replacement");
  EXPECT_EQ(of(ones({3}), 0, true), "multinomial: the number of draws must be at least 1, but is 0");
  EXPECT_EQ(of(zeros({2, 0}), 1, true), "multinomial: there are no weights in shape [2, 0]");
}

}  // namespace
}  // namespace hearth
