// Sorting at the sizes where the kernel changes its way, against std::stable_sort.
#include "core/ops/sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "core/base/parallel.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

// NaN is greater than every number.
template <class T>
bool less(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (!std::isnan(a) && std::isnan(b));
  else return a < b;
}

template <class T>
std::vector<int64_t> expected(const std::vector<T>& v, bool falling) {
  std::vector<int64_t> order(v.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const T p = v[static_cast<size_t>(a)], q = v[static_cast<size_t>(b)];
    return falling ? less(q, p) : less(p, q);
  });
  return order;
}

// Random bits: every exponent, both zeros, NaNs of both signs; many equal where the type is small.
template <class T>
std::vector<T> random_values(size_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> v(n);
  for (T& x : v) {
    const uint64_t bits = random() >> (random() % 3 == 0 ? 0 : 60);
    if constexpr (std::is_floating_point_v<T>) {
      switch (random() % 8) {
        case 0:
          x = std::copysign(std::numeric_limits<T>::quiet_NaN(), random() % 2 ? T(1) : T(-1));
          break;
        case 1:
          x = random() % 2 ? T(0) : T(-0.0);
          break;
        default:
          x = static_cast<T>(static_cast<int64_t>(bits)) * T(0.37);
      }
    } else {
      x = static_cast<T>(bits);
    }
  }
  return v;
}

template <class T>
void check(size_t n) {
  const std::vector<T> v = random_values<T>(n, n + sizeof(T));
  const Tensor x = from_values(v, {static_cast<int64_t>(n)});
  for (const bool falling : {false, true}) {
    const std::vector<int64_t> want = expected(v, falling);
    for (const int threads : {1, 4}) {
      const ThreadWidth width(threads);
      const auto [values, indices] = sort(x, 0, falling);
      ASSERT_EQ(indices.to_vector<int64_t>(), want)
          << n << " of " << to_string(x.dtype()) << (falling ? ", falling" : "");
      EXPECT_TRUE(allclose(values, x.index_select(0, indices), 0, 0, true));
    }
    for (const size_t k : {size_t{1}, n / 9, n / 2, n}) {
      const auto [values, indices] = topk(x, static_cast<int64_t>(k), 0, falling);
      const std::vector<int64_t> first(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(k));
      ASSERT_EQ(indices.to_vector<int64_t>(), first) << k << " of " << n << " of " << to_string(x.dtype());
    }
  }
}

TEST(Sort, EverySizeAndDtype) {
  for (const size_t n : {1, 2, 127, 128, 129, 1000, 5000, 200'000}) {
    check<uint8_t>(n);
    check<int16_t>(n);
    check<int32_t>(n);
    check<int64_t>(n);
    check<float>(n);
    check<double>(n);
  }
}

// Zeros of both signs stay what they are.
TEST(Sort, KeepsTheSignsOfZeros) {
  const Tensor x = tensor({0.0, -0.0, -1.0, -0.0, 0.0});
  const std::vector<float> v = sort(x).values.to(f32).to_vector<float>();
  EXPECT_FALSE(std::signbit(v[1]));
  EXPECT_TRUE(std::signbit(v[2]));
  EXPECT_TRUE(std::signbit(v[3]));
  EXPECT_FALSE(std::signbit(v[4]));
}

TEST(Sort, MethodsAreTheFunctions) {
  const Tensor x = tensor({3.0, 1.0, 2.0});
  EXPECT_EQ(x.sort().values.to_vector<float>(), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(x.sort(0, true).indices.to_vector<int64_t>(), (std::vector<int64_t>{0, 2, 1}));
  EXPECT_EQ(x.argsort().to_vector<int64_t>(), (std::vector<int64_t>{1, 2, 0}));
  EXPECT_EQ(x.topk(2).indices.to_vector<int64_t>(), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(x.topk(1, -1, false).values.to_vector<float>(), (std::vector<float>{1}));
}

TEST(Sort, BadInput) {
  EXPECT_EQ(error_of([] {
              topk(zeros({2, 3}), 4);
            }),
            "topk: k must be from 0 to 3, the size of dimension 1 of shape [2, 3], but is 4");
  EXPECT_EQ(error_of([] {
              topk(zeros({2, 3}), -1);
            }),
            "topk: k must be from 0 to 3, the size of dimension 1 of shape [2, 3], but is -1");
  EXPECT_NE(error_of([] { sort(zeros({2, 3}), 2); }).find("sort: "), std::string::npos);
  EXPECT_NE(error_of([] { argsort(Tensor()); }).find("argsort: "), std::string::npos);
}

}  // namespace
}  // namespace hearth
