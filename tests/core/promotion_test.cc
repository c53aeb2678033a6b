#include <gtest/gtest.h>

#include <complex>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/scan.h"

namespace hearth {
namespace {

#include "tests/core/promotion_golden.inc"

Tensor vector(int t) { return ones({2}, {.dtype = static_cast<DType>(t)}); }
Tensor zero(int t) { return ones({}, {.dtype = static_cast<DType>(t)}); }
std::string name(int t) { return to_string(static_cast<DType>(t)); }

template <class F>
void expect_table(const char* const* table, int columns, F result) {
  for (int a = 0; a < kDTypes; ++a) {
    for (int b = 0; b < columns; ++b)
      EXPECT_EQ(to_string(result(a, b)), name(table[a][b] - '0'))
          << name(a) << " with " << (columns == 3 ? "" : name(b)) << b;
  }
}
Scalar number(int i) { return i == 0 ? Scalar(true) : i == 1 ? Scalar(3) : Scalar(2.5); }

TEST(Promotion, TensorsAsInPyTorch) {
  expect_table(kVectors, kDTypes, [](int a, int b) { return (vector(a) + vector(b)).dtype(); });
  expect_table(kVectorZeroDim, kDTypes, [](int a, int b) { return (vector(a) + zero(b)).dtype(); });
  expect_table(kVectorZeroDim, kDTypes, [](int a, int b) { return (zero(b) + vector(a)).dtype(); });
  expect_table(kZeroDims, kDTypes, [](int a, int b) { return (zero(a) + zero(b)).dtype(); });
  expect_table(kQuotients, kDTypes, [](int a, int b) { return (vector(a) / vector(b)).dtype(); });
  expect_table(kQuotientZeroDim, kDTypes, [](int a, int b) { return (vector(a) / zero(b)).dtype(); });
  expect_table(kWhere, kDTypes, [](int a, int b) { return where(vector(0), vector(a), vector(b)).dtype(); });
  expect_table(kCat, kDTypes, [](int a, int b) { return cat({vector(a), vector(b)}).dtype(); });
  expect_table(kVectors, kDTypes, [](int a, int b) { return promote(static_cast<DType>(a), static_cast<DType>(b)); });
}

TEST(Promotion, NumbersAsInPyTorch) {
  expect_table(kVectorNumber, 3, [](int a, int n) { return (vector(a) * number(n)).dtype(); });
  expect_table(kVectorNumber, 3, [](int a, int n) { return (number(n) * vector(a)).dtype(); });
  expect_table(kZeroDimNumber, 3, [](int a, int n) { return (zero(a) * number(n)).dtype(); });
  expect_table(kQuotientNumber, 3, [](int a, int n) { return (vector(a) / number(n)).dtype(); });
}

TEST(Promotion, UnaryAndReductions) {
  const auto dtype = [](auto f, int t) -> char {
    try {
      return static_cast<char>('0' + static_cast<int>(f(vector(t)).dtype()));
    } catch (const Error&) {
      return '-';
    }
  };
  for (int t = 0; t < kDTypes; ++t) {
    EXPECT_EQ(dtype([](const Tensor& x) { return exp(x); }, t), kUnary[t][0]) << name(t);
    EXPECT_EQ(dtype([](const Tensor& x) { return sum(x); }, t), kUnary[t][1]) << name(t);
    EXPECT_EQ(dtype([](const Tensor& x) { return cumsum(x, 0); }, t), kUnary[t][2]) << name(t);
    EXPECT_EQ(dtype([](const Tensor& x) { return mean(x); }, t), kUnary[t][3]) << name(t);
    EXPECT_EQ(dtype([](const Tensor& x) { return prod(x); }, t), kUnary[t][4]) << name(t);
    if (t > 0) {  // of bool there is no abs and no square
      EXPECT_EQ(dtype([](const Tensor& x) { return abs(x); }, t), kUnary[t][5]) << name(t);
      EXPECT_EQ(dtype([](const Tensor& x) { return square(x); }, t), kUnary[t][6]) << name(t);
    }
  }
}

// What is written keeps its dtype; a result of a higher kind is refused.
TEST(Promotion, InPlaceAsInPyTorch) {
  for (int a = 0; a < kDTypes; ++a) {
    for (int b = 0; b < kDTypes; ++b) {
      Tensor x = vector(a);
      bool allowed = true;
      try {
        x.add_(vector(b));
      } catch (const Error& e) {
        allowed = false;
        EXPECT_EQ(std::string(e.what()), "add: cannot write a result of dtype " +
                                             to_string((vector(a) + vector(b)).dtype()) + " into a tensor of dtype " +
                                             name(a));
      }
      EXPECT_EQ(allowed, kInPlace[a][b] == '1') << name(a) << " += " << name(b);
      EXPECT_EQ(x.dtype(), static_cast<DType>(a));
      if (!allowed) continue;
      using C = std::complex<double>;
      EXPECT_EQ(x.to_vector<C>(), std::vector<C>(2, a == 0 ? 1 : 2));
    }
  }
}

}  // namespace
}  // namespace hearth
