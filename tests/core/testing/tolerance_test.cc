#include "core/testing/tolerance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/testing/tensors.h"

namespace hearth::testing {
namespace {

constexpr long double kInf = std::numeric_limits<long double>::infinity();

bool right(long double got, long double want, DType t, Accuracy a = Accuracy::kExact, long double size = 0,
           double terms = 1) {
  return excess(got, want, t, a, size, terms, compute_type(t)) <= 0;
}

TEST(Tolerance, UlpOfEachFormat) {
  EXPECT_EQ(ulp(1, f32), 0x1p-23L);
  EXPECT_EQ(ulp(-3, f64), 0x1p-51L);
  EXPECT_EQ(ulp(1, f16), 0x1p-10L);
  EXPECT_EQ(ulp(0.75L, bf16), 0x1p-8L);
  EXPECT_EQ(ulp(0, f32), 0x1p-149L);
  EXPECT_EQ(ulp(0x1p-140L, f32), 0x1p-149L);
  EXPECT_EQ(ulp(0x1p-20L, f16), 0x1p-24L);
}

TEST(Tolerance, ExactMeansRoundedOnce) {
  EXPECT_TRUE(right(1.0f / 3, 1.0L / 3, f32));
  EXPECT_FALSE(right(std::nextafter(1.0f / 3, 1.0f), 1.0L / 3, f32));
  EXPECT_TRUE(right(std::nextafter(1.0f / 3, 1.0f), 1.0L / 3, f32, Accuracy::kMath));
  EXPECT_FALSE(right(1.0L / 3, 1.0L / 3 + 0x1p-20L, f32, Accuracy::kMath));
}

TEST(Tolerance, OfNarrowFloatsOnlyTheLastRoundingCounts) {
  EXPECT_TRUE(right(0x1.008p0L, 0x1.006p0L, f16, Accuracy::kMath));
  EXPECT_FALSE(right(0x1.00cp0L, 0x1.006p0L, f16, Accuracy::kMath));
}

TEST(Tolerance, SpecialValues) {
  const long double nan = std::numeric_limits<long double>::quiet_NaN();
  EXPECT_TRUE(right(nan, nan, f32));
  EXPECT_FALSE(right(nan, 1, f32, Accuracy::kSum, 1e30L));
  EXPECT_FALSE(right(1, nan, f32));
  EXPECT_FALSE(right(1, kInf, f32));
  EXPECT_FALSE(right(-kInf, kInf, f32));
  // 65520 is where f16 rounds to infinity.
  EXPECT_TRUE(right(kInf, 65520, f16));
  EXPECT_FALSE(right(kInf, 65504, f16));
  EXPECT_TRUE(right(kInf, 1e300L, f32));
  EXPECT_FALSE(right(0x1.fffffep127L, 1e300L, f32));
}

TEST(Tolerance, IntegersAreEqual) {
  EXPECT_TRUE(right(7, 7, i32, Accuracy::kSum, 1e9L));
  EXPECT_FALSE(right(7, 8, i32, Accuracy::kSum, 1e9L));
}

TEST(Tolerance, SumsAreMeasuredAgainstTheirTerms) {
  EXPECT_TRUE(right(1e-6L, 0, f32, Accuracy::kSum, 10, 4));
  EXPECT_FALSE(right(1e-4L, 0, f32, Accuracy::kSum, 10, 4));
  EXPECT_FALSE(right(1e-6L, 0, f64, Accuracy::kSum, 10, 4));
}

TEST(Tensors, EveryLayoutHoldsTheSameValues) {
  for (int t = 0; t < kDTypes; ++t) {
    const Tensor x = noise({2, 3, 4}, static_cast<DType>(t));
    for (Arrangement a : kArrangements) {
      const Tensor y = arranged(x, a);
      EXPECT_EQ(to_wide(y), to_wide(x));
      EXPECT_TRUE(same_bits(x, y));
      EXPECT_EQ(y.is_contiguous(), a == Arrangement::kAsMade);
    }
    const std::vector<long double> ends = extremes(static_cast<DType>(t));
    const std::vector<long double> held = to_wide(from_wide(ends, {static_cast<int64_t>(ends.size())}, x.dtype()));
    for (size_t i = 0; i < ends.size(); ++i)
      EXPECT_TRUE(held[i] == ends[i] || (std::isnan(held[i]) && std::isnan(ends[i]))) << i;
  }
  const Tensor x = noise({3}, f32);
  EXPECT_FALSE(same_bits(x, noise({3}, f32, -2, 2, 2)));
  EXPECT_FALSE(same_bits(x, noise({3}, f64)));
  EXPECT_EQ(to_wide(with_rows(x, 5))[3], to_wide(x)[0]);
}

}  // namespace
}  // namespace hearth::testing
