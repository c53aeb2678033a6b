#include "core/kernels/cpu/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/base/parallel.h"

namespace hearth::cpu {
namespace {

struct Case {
  int64_t batch, m, n, k;
  bool ta, tb, bias, accumulate;
  int64_t pad;  // unused elements at the end of each row
};

template <class T>
std::vector<T> random(size_t n, unsigned seed) {
  std::mt19937 g(seed);
  std::vector<T> v(n);
  if constexpr (std::is_integral_v<T>) {
    for (auto& x : v) x = static_cast<T>(g());
  } else {
    std::uniform_real_distribution<float> u(-1, 1);
    for (auto& x : v) x = T(u(g));
  }
  return v;
}

// Each dtype's unit of rounding.
template <class T>
constexpr double kEpsilon = std::is_same_v<T, double>  ? 0x1p-53
                            : std::is_same_v<T, float> ? 0x1p-24
                            : std::is_same_v<T, Half>  ? 0x1p-11
                                                       : 0x1p-8;

template <class T>
void check(const Case& s) {
  SCOPED_TRACE(testing::Message() << "batch " << s.batch << " m " << s.m << " n " << s.n << " k " << s.k << " ta "
                                  << s.ta << " tb " << s.tb << " bias " << s.bias << " accumulate " << s.accumulate
                                  << " pad " << s.pad);
  Gemm g;
  g.dtype = dtype_of<T>;
  g.batch = s.batch;
  g.m = s.m;
  g.n = s.n;
  g.k = s.k;
  g.a_row = s.ta ? 1 : s.k + s.pad;
  g.a_col = s.ta ? s.m + s.pad : 1;
  g.a_batch = (s.ta ? s.k * g.a_col : s.m * g.a_row) + s.pad;
  g.b_row = s.tb ? 1 : s.n + s.pad;
  g.b_col = s.tb ? s.k + s.pad : 1;
  g.b_batch = (s.tb ? s.n * g.b_col : s.k * g.b_row) + s.pad;
  g.c_row = s.n + s.pad;
  g.c_batch = s.m * g.c_row + s.pad;
  const auto a = random<T>(static_cast<size_t>(s.batch * g.a_batch + 1), 1),
             b = random<T>(static_cast<size_t>(s.batch * g.b_batch + 1), 2);
  const auto bias = random<T>(static_cast<size_t>(s.n + 1), 3),
             before = random<T>(static_cast<size_t>(s.batch * g.c_batch + 1), 4);
  g.a = a.data();
  g.b = b.data();
  g.bias = s.bias ? bias.data() : nullptr;
  g.accumulate = s.accumulate;
  std::vector<T> first;
  for (int width : {1, 2, 4}) {
    ThreadWidth w(width);
    auto c = before;
    g.c = c.data();
    gemm(g);
    if (width > 1) {
      ASSERT_EQ(std::memcmp(first.data(), c.data(), c.size() * sizeof(T)), 0)
          << "other bits with " << width << " threads";
      continue;
    }
    first = c;
    for (int64_t q = 0; q < s.batch; ++q) {
      for (int64_t i = 0; i < s.m; ++i) {
        for (int64_t j = 0; j < s.n + s.pad; ++j) {
          const auto at = static_cast<size_t>(q * g.c_batch + i * g.c_row + j);
          if (j >= s.n) {
            ASSERT_EQ(std::memcmp(&c[at], &before[at], sizeof(T)), 0) << "wrote past the end of row " << i;
            continue;
          }
          if constexpr (std::is_integral_v<T>) {
            uint64_t want = s.bias ? static_cast<uint64_t>(bias[static_cast<size_t>(j)]) : 0;
            if (s.accumulate) want += static_cast<uint64_t>(before[at]);
            for (int64_t p = 0; p < s.k; ++p) {
              want += static_cast<uint64_t>(a[static_cast<size_t>(q * g.a_batch + i * g.a_row + p * g.a_col)]) *
                      static_cast<uint64_t>(b[static_cast<size_t>(q * g.b_batch + p * g.b_row + j * g.b_col)]);
            }
            ASSERT_EQ(c[at], static_cast<T>(want)) << i << ", " << j;
          } else {
            double want = 0, size = 0;
            auto term = [&](double v) {
              want += v;
              size += std::abs(v);
            };
            if (s.bias) term(static_cast<double>(static_cast<float>(bias[static_cast<size_t>(j)])));
            if (s.accumulate) term(static_cast<double>(convert<double>(before[at])));
            for (int64_t p = 0; p < s.k; ++p) {
              term(convert<double>(a[static_cast<size_t>(q * g.a_batch + i * g.a_row + p * g.a_col)]) *
                   convert<double>(b[static_cast<size_t>(q * g.b_batch + p * g.b_row + j * g.b_col)]));
            }
            // Sums in f32 (f64), then one rounding to the dtype.
            const double sum_epsilon = std::is_same_v<T, double> ? 0x1p-53 : 0x1p-24;
            const double tolerance = kEpsilon<T> * std::abs(want) * 1.01 +
                                     sum_epsilon * size * (2 + std::sqrt(static_cast<double>(s.k))) +
                                     (std::is_same_v<T, Half> ? 0x1p-25 : 0);  // f16's denormals
            ASSERT_NEAR(convert<double>(c[at]), want, tolerance) << q << ", " << i << ", " << j;
          }
        }
      }
    }
  }
}

template <class T>
class GemmTest : public testing::Test {};
using Types = testing::Types<float, double, BFloat16, Half, uint8_t, int8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(GemmTest, Types);

TYPED_TEST(GemmTest, Shapes) {
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{{1, 1, 1},
                                                                   {2, 3, 4},
                                                                   {7, 5, 3},
                                                                   {1, 17, 9},
                                                                   {17, 1, 9},
                                                                   {6, 32, 16},
                                                                   {13, 33, 65},
                                                                   {64, 64, 64},
                                                                   {31, 129, 40},
                                                                   {1, 300, 200},
                                                                   {200, 1, 300},
                                                                   {70, 200, 3},
                                                                   {3, 200, 70},
                                                                   {130, 140, 1},
                                                                   {129, 65, 257}}) {
    for (int t = 0; t < 4; ++t) check<TypeParam>({1, m, n, k, (t & 1) != 0, (t & 2) != 0, false, false, 0});
    check<TypeParam>({1, m, n, k, false, true, true, false, 3});
    check<TypeParam>({3, m, n, k, true, false, true, true, 1});
    check<TypeParam>({2, m, n, k, false, false, false, true, 0});
  }
}

TYPED_TEST(GemmTest, Empty) {
  for (bool bias : {false, true}) {
    for (bool accumulate : {false, true}) check<TypeParam>({2, 3, 4, 0, false, false, bias, accumulate, 1});
  }
  for (const auto& [b, m, n, k] : std::vector<std::array<int64_t, 4>>{{0, 3, 4, 5}, {2, 0, 4, 5}, {2, 3, 0, 5}}) {
    check<TypeParam>({b, m, n, k, false, false, true, false, 0});
  }
}

template <class T>
class LargeGemmTest : public testing::Test {};
using LargeTypes = testing::Types<float, double, BFloat16, Half>;
TYPED_TEST_SUITE(LargeGemmTest, LargeTypes);

TYPED_TEST(LargeGemmTest, CutsTheWork) {
  for (int t = 0; t < 4; ++t) check<TypeParam>({1, 300, 260, 128, (t & 1) != 0, (t & 2) != 0, true, false, 0});
  check<TypeParam>({1, 1030, 1025, 40, false, false, false, false, 0});
  check<TypeParam>({1, 32, 1100, 256, false, true, true, false, 0});
  check<TypeParam>({1, 10, 784, 400, true, false, false, true, 0});
  check<TypeParam>({20, 96, 96, 80, false, true, false, false, 0});
}

// One row: into pieces of either side.
TYPED_TEST(LargeGemmTest, CutsTheWorkOfAVector) {
  for (const auto& [n, k] : std::vector<std::array<int64_t, 2>>{{4100, 300}, {70, 40000}, {9000, 17}, {768, 769}}) {
    for (const bool columns : {false, true}) {
      check<TypeParam>({1, 1, n, k, columns, columns, false, false, 0});
      check<TypeParam>({1, 1, n, k, false, columns, true, true, 3});
    }
  }
}

// Every stride of A and B is taken, also 0 and ones that leave gaps both ways.
TYPED_TEST(LargeGemmTest, AnyStrides) {
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{
           {5, 6, 7}, {80, 90, 100}, {1, 6, 7}, {1, 300, 200}, {80, 1, 100}, {7, 1, 3}}) {
    const auto a = random<TypeParam>(static_cast<size_t>(m * k * 6), 1),
               b = random<TypeParam>(static_cast<size_t>(n * k * 6), 2);
    for (const auto& [a_row, a_col, b_row, b_col] : std::vector<std::array<int64_t, 4>>{
             {2 * k, 2, 3, 3 * k}, {0, 1, n, 1}, {k, 1, 0, 1}, {1, 0, 1, 0}, {2, 2 * m, 3 * n, 3}}) {
      Gemm g;
      g.dtype = dtype_of<TypeParam>;
      g.m = m;
      g.n = n;
      g.k = k;
      g.a = a.data();
      g.b = b.data();
      g.a_row = a_row;
      g.a_col = a_col;
      g.b_row = b_row;
      g.b_col = b_col;
      g.c_row = n;
      std::vector<TypeParam> c(static_cast<size_t>(m * n));
      g.c = c.data();
      gemm(g);
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double want = 0;
          for (int64_t p = 0; p < k; ++p) {
            want += convert<double>(a[static_cast<size_t>(i * a_row + p * a_col)]) *
                    convert<double>(b[static_cast<size_t>(p * b_row + j * b_col)]);
          }
          ASSERT_NEAR(convert<double>(c[static_cast<size_t>(i * n + j)]), want,
                      kEpsilon<TypeParam> * std::abs(want) * 1.01 + 1e-5)
              << i << ", " << j;
        }
      }
    }
  }
}

// The third call finds packed weights; writing to the weights drops them.
TEST(PackedGemm, SameResultAndFollowsTheVersion) {
  for (DType t : {DType::kF32, DType::kBF16}) {
    const int64_t m = 300, n = 256, k = 192;
    auto run = [&]<class T>() {
      const auto a = random<T>(m * k, 1);
      auto b = random<T>(n * k, 2);
      std::vector<T> plain(m * n), packed(m * n);
      Gemm g;
      g.dtype = t;
      g.m = m;
      g.n = n;
      g.k = k;
      g.a = a.data();
      g.a_row = k;
      g.b = b.data();
      g.b_row = 1;
      g.b_col = k;
      g.c_row = n;
      PackedCache cache;
      for (uint32_t version = 0; version < 2; ++version) {
        g.c = plain.data();
        g.packed = {};
        gemm(g);
        g.c = packed.data();
        g.packed = {&cache, version};
        for (int call = 0; call < 3; ++call) {
          std::fill(packed.begin(), packed.end(), T(0.0f));
          gemm(g);
          for (size_t i = 0; i < plain.size(); ++i) {
            const double want = convert<double>(plain[i]);
            ASSERT_NEAR(convert<double>(packed[i]), want, std::abs(want) * kEpsilon<T> * 2 + 1e-5)
                << "call " << call << ", element " << i;
          }
        }
        for (auto& x : b) x = T(-static_cast<float>(x));
      }
    };
    t == DType::kF32 ? run.template operator()<float>() : run.template operator()<BFloat16>();
  }
}

}  // namespace
}  // namespace hearth::cpu
