// Dtypes of results, and integers that have none. Expected as PyTorch 2.15 does.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/einsum.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/scan.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;
using Ints = std::vector<int>;

Tensor mask() { return tensor({true, false}); }

TEST(Dtypes, LargestNumbers) {
  const auto max = [](DType t) { return traits(t).max; };
  EXPECT_EQ(max(boolean), 1);
  EXPECT_EQ(max(u8), std::numeric_limits<uint8_t>::max());
  EXPECT_EQ(max(i8), std::numeric_limits<int8_t>::max());
  EXPECT_EQ(max(i16), std::numeric_limits<int16_t>::max());
  EXPECT_EQ(max(i32), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(max(i64), static_cast<double>(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(max(f16), 65504);
  EXPECT_EQ(max(bf16), 3.38953138925153547590470800371487866880e+38);  // (2 - 2^-7) 2^127
  EXPECT_EQ(max(f32), double{std::numeric_limits<float>::max()});
  EXPECT_EQ(max(f64), std::numeric_limits<double>::max());
  EXPECT_EQ(max(c64), max(f32));
  EXPECT_EQ(max(c128), max(f64));
  // No number above it fits, but infinity does.
  for (int i = 0; i < kDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    if (!is_differentiable(t)) continue;
    EXPECT_TRUE(fits(max(t), t) && fits(-max(t), t));
    EXPECT_EQ(fits(std::nextafter(max(t), INFINITY), t), real_type(t) == f64) << to_string(t);
    EXPECT_TRUE(fits(-INFINITY, t) && fits(NAN, t));
  }
  EXPECT_TRUE(fits(127, i8) && fits(127.9, i8) && !fits(128, i8) && fits(-128.9, i8) && !fits(-129, i8));
  EXPECT_TRUE(fits(-255, u8) && !fits(-256, u8) && fits(255.5, u8) && !fits(256, u8));
  EXPECT_TRUE(fits(INT64_MAX, i64) && fits(INT64_MIN, i64) && !fits(0x1p63, i64) && fits(-0x1p63, i64));
}

TEST(Dtypes, MaskedFillKeepsTheDtype) {
  for (DType t : {u8, i8, i16, i32, i64}) {
    const Tensor x = tensor({1, 2}).to(t);
    for (const Tensor& y :
         {x.masked_fill(mask(), 3), x.masked_fill(mask(), 3.9), x.masked_fill(mask(), scalar_tensor(3.9)),
          x.clone().masked_fill_(mask(), 3.9), x.clone().masked_fill_(mask(), scalar_tensor(3.9))}) {
      EXPECT_EQ(y.dtype(), t);
      EXPECT_EQ(y.to_vector<int>(), (Ints{3, 2}));
    }
  }
  const Tensor b = tensor({false, false}).masked_fill(mask(), 2);
  EXPECT_EQ(b.dtype(), boolean);
  EXPECT_EQ(b.to_vector<int>(), (Ints{1, 0}));
  EXPECT_EQ(tensor({1.0, 2.0}).masked_fill(mask(), scalar_tensor(2.5, {.dtype = f64})).dtype(), f32);
  EXPECT_EQ(error_of([] {
              tensor({1, 2}).to(u8).masked_fill(mask(), 300);
            }),
            "masked_fill: the number 300 does not fit into u8");
}

TEST(Dtypes, CumprodOfIntegers) {
  for (DType t : {boolean, u8, i8, i16, i32, i64}) {
    const Tensor y = cumprod(tensor({1, 1, 0}).to(t), 0);
    EXPECT_EQ(y.dtype(), i64);
    EXPECT_EQ(y.to_vector<int>(), (Ints{1, 1, 0}));
    EXPECT_EQ(cumprod(scalar_tensor(1).to(t), 0).dtype(), i64);
  }
  EXPECT_EQ(cumprod(tensor({100, 100}).to(i8), 0).to_vector<int>(), (Ints{100, 10000}));
}

TEST(Dtypes, EinsumKeepsThoseOfProducts) {
  for (DType t : {u8, i8, i16, i32, i64}) {
    const Tensor x = tensor({0, 1, 5}).to(t);
    EXPECT_EQ(einsum("i,i->", {x, x}).dtype(), t);
    EXPECT_EQ(einsum("i,i->", {x, x}).item<int>(), 26);
    EXPECT_EQ(einsum("ij,jk->ik", {unsqueeze(x, 0), unsqueeze(x, 1)}).dtype(), t);
    EXPECT_EQ(einsum("i,j->", {x, x}).dtype(), t);
    // Of one operand it is a sum.
    EXPECT_EQ(einsum("i->", {x}).dtype(), i64);
  }
}

TEST(Dtypes, LogitOfIntegers) {
  for (DType t : {boolean, u8, i8, i16, i32, i64}) {
    const Tensor y = logit(tensor({0, 1}).to(t));
    EXPECT_EQ(y.dtype(), f32);
    EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{-INFINITY, INFINITY}));
    EXPECT_NEAR(logit(tensor({0, 1}).to(t), 0.1)[0].item<float>(), -2.1972246f, 1e-6f);
  }
}

TEST(Dtypes, NumbersThatF64DoesNotHoldEqualNone) {
  constexpr int64_t kOdd = (int64_t{1} << 53) + 1, kMax = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(Scalar(3) == 3.0 && Scalar(3.0) == 3 && Scalar(true) == 1.0 && Scalar(-1) == -1.0f);
  EXPECT_TRUE(Scalar(kOdd) == kOdd && Scalar(kOdd - 1) == 0x1p53 && Scalar(0x1p53) == kOdd - 1);
  EXPECT_FALSE(Scalar(kOdd) == 0x1p53);
  EXPECT_FALSE(Scalar(0x1p53) == kOdd);
  EXPECT_FALSE(Scalar(kMax) == 0x1p63);
  EXPECT_FALSE(Scalar(0x1p63) == kMax);
  EXPECT_TRUE(Scalar(0x1p63) == uint64_t{1} << 63);
  EXPECT_FALSE(Scalar(0x1p64) == std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(Scalar(std::numeric_limits<int64_t>::min()) == -0x1p63);
  EXPECT_FALSE(Scalar(-1) == std::numeric_limits<uint64_t>::max());
  EXPECT_FALSE(Scalar(2.5) == 2);
  EXPECT_FALSE(Scalar(std::numeric_limits<double>::quiet_NaN()) == 0);
  EXPECT_FALSE(Scalar(std::numeric_limits<double>::infinity()) == kMax);
  static_assert(Scalar(2) == 2.0);
}

TEST(Dtypes, NumbersAboveI64) {
  const std::string large = "the number 18446744073709551615 does not fit into i64, in which whole numbers are kept; ";
  EXPECT_EQ(error_of([] { (void)Scalar(std::numeric_limits<uint64_t>::max()); }), large + "give it as a double");
  EXPECT_EQ(error_of([] { (void)(tensor({1}) + std::numeric_limits<uint64_t>::max()); }),
            large + "give it as a double");
  EXPECT_EQ(Scalar(uint64_t{1} << 62).to<int64_t>(), int64_t{1} << 62);
  EXPECT_EQ(Scalar(std::numeric_limits<uint32_t>::max()).to<int64_t>(), 4294967295);
}

TEST(Dtypes, IntegersDividedByZero) {
  for (DType t : {u8, i8, i16, i32, i64}) {
    const Tensor x = tensor({1, 2}).to(t), zero = tensor({1, 0}).to(t);
    const auto refused = [&](const char* op, auto f) {
      EXPECT_EQ(error_of(f), concat(op, ": integer division by zero"));
    };
    refused("fmod", [&] { fmod(x, 0); });
    refused("fmod", [&] { fmod(x, zero); });
    refused("fmod", [&] { fmod(Scalar(1), zero); });
    refused("fmod", [&] { x.fmod(zero); });
    refused("fmod_", [&] { x.clone().fmod_(0); });
    refused("fmod_", [&] { x.clone().fmod_(zero); });
    refused("remainder", [&] { remainder(x, 0); });
    refused("remainder", [&] { remainder(x, zero); });
    refused("remainder_", [&] { x.clone().remainder_(zero); });
    refused("floor_divide", [&] { floor_divide(x, 0); });
    refused("floor_divide", [&] { floor_divide(x, zero); });
    refused("floor_divide_", [&] { x.clone().floor_divide_(0); });
    refused("div", [&] { div(x, zero, Rounding::kTrunc); });
  }
  EXPECT_TRUE(std::isnan(fmod(tensor({1.0}), 0).item<float>()));
}

TEST(Dtypes, IntegersToNegativePowers) {
  for (DType t : {boolean, u8, i8, i16, i32, i64}) {
    const Tensor x = tensor({1, 1}).to(t);
    EXPECT_EQ(error_of([&] { pow(x, -1); }), "pow: integers cannot be raised to the negative integer power -1");
    EXPECT_EQ(error_of([&] { x.pow(-2); }), "pow: integers cannot be raised to the negative integer power -2");
    EXPECT_EQ(pow(x, -1.0).dtype(), f32);
  }
  EXPECT_EQ(error_of([&] { tensor({2}).pow_(-1); }),
            "pow_: integers cannot be raised to the negative integer power -1");
  // A tensor of exponents is not looked through: the power is cut off.
  EXPECT_EQ(pow(tensor({1, 2}), tensor({1, -1})).to_vector<int>(), (Ints{1, 0}));
  EXPECT_EQ(pow(Scalar(2), tensor({1, -1})).to_vector<int>(), (Ints{2, 0}));
}

}  // namespace
}  // namespace hearth
