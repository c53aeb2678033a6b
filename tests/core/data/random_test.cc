#include "core/data/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "core/base/error.h"

namespace hearth::data {
namespace {

void fails(const std::function<void()>& f, const std::string& text) {
  try {
    f();
    FAIL() << "no error: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), text);
  }
}

// A count of n draws with probability p lies within 5 standard deviations.
void expect_share(int count, int n, double p) { EXPECT_NEAR(count, n * p, 5 * std::sqrt(n * p * (1 - p))) << p; }

// The numbers follow from the generator's words: a 53-bit fraction, and the upper half of a 128-bit product.
TEST(Random, FollowsFromTheWords) {
  Generator g(7), words(7);
  for (int i = 0; i < 100; ++i) {
    const uint64_t w = words.next_u64();
    switch (i % 4) {
      case 0:
        EXPECT_EQ(uniform(g), std::ldexp(static_cast<double>(w >> 11), -53));
        break;
      case 1:
        EXPECT_EQ(uniform(g, {-2, 6}), -2 + 8 * std::ldexp(static_cast<double>(w >> 11), -53));
        break;
      // Times 2^40 the upper half is the word's upper 40 bits.
      case 2:
        EXPECT_EQ(randint(g, -5, (int64_t{1} << 40) - 5), static_cast<int64_t>(w >> 24) - 5);
        break;
      default:
        EXPECT_EQ(bernoulli(g, 0.25), w >> 62 == 0);
    }
  }
  EXPECT_EQ(g.state(), words.state());
}

TEST(Random, Shares) {
  Generator g(3);
  constexpr int kDraws = 6000;
  std::map<int64_t, int> seen;
  int low = 0, small = 0, heads = 0;
  for (int i = 0; i < kDraws; ++i) {
    ++seen[randint(g, -2, 4)];
    low += uniform(g, {10, 14}) < 11;
    // Of the doublings from 1 to 8 the first one.
    small += log_uniform(g, {1, 8}) < 2;
    heads += bernoulli(g, 0.3);
    EXPECT_FALSE(bernoulli(g, 0));
    EXPECT_TRUE(bernoulli(g, 1));
  }
  EXPECT_EQ(seen.size(), 6u);
  for (const auto& [value, count] : seen) {
    EXPECT_TRUE(value >= -2 && value < 4);
    expect_share(count, kDraws, 1.0 / 6);
  }
  expect_share(low, kDraws, 0.25);
  expect_share(small, kDraws, 1.0 / 3);
  expect_share(heads, kDraws, 0.3);
}

TEST(Random, ShufflesEveryOrderAlike) {
  Generator g(5);
  constexpr int kDraws = 6000;
  std::map<std::array<int, 3>, int> seen;
  for (int i = 0; i < kDraws; ++i) {
    std::array<int, 3> a = {0, 1, 2};
    shuffle(g, a);
    ++seen[a];
  }
  EXPECT_EQ(seen.size(), 6u);
  for (const auto& [order, count] : seen) expect_share(count, kDraws, 1.0 / 6);
  std::vector<int> none, one = {4};
  shuffle(g, none);
  shuffle(g, one);
  EXPECT_EQ(one[0], 4);
}

TEST(Random, TheEndsOfRanges) {
  Generator g(1);
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(randint(g, kMin, kMin + 1), kMin);
  EXPECT_EQ(randint(g, kMax - 1, kMax), kMax - 1);
  int negative = 0;
  for (int i = 0; i < 1000; ++i) negative += randint(g, kMin, kMax) < 0;
  expect_share(negative, 1000, 0.5);
  EXPECT_EQ(uniform(g, {2, 2}), 2);
  EXPECT_DOUBLE_EQ(log_uniform(g, {0.1, 0.1}), 0.1);
  fails([&] { randint(g, 3, 3); }, "randint: there is no integer from 3 up to but not 3");
  fails([&] { uniform(g, {1, 0}); }, "uniform: [1, 0] is not a range of finite numbers");
  fails([&] { uniform(g, {0, INFINITY}); }, "uniform: [0, inf] is not a range of finite numbers");
  fails([&] { uniform(g, {-1.7e308, 1.7e308}); }, "uniform: [-1.7e+308, 1.7e+308] is wider than the largest number");
  for (double v : {0.1, 3.0, 5.0, 7.0, 1e300}) EXPECT_EQ(log_uniform(g, {v, v}), v);
  fails([&] { log_uniform(g, {0, 1}); }, "log_uniform: [0, 1] is not a range of finite numbers above 0");
  fails([&] { bernoulli(g, 1.5); }, "bernoulli: the probability must lie in [0, 1], but is 1.5");
  fails([&] { bernoulli(g, NAN); }, "bernoulli: the probability must lie in [0, 1], but is nan");
}

}  // namespace
}  // namespace hearth::data
