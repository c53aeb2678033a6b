#include "core/tensor/default_dtype.h"

#include <gtest/gtest.h>

#include "core/nn/linear.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/print.h"
#include "core/ops/random.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

TEST(DefaultDType, OfWhatNamesNone) {
  EXPECT_EQ(default_dtype(), f32);
  {
    const DefaultDType precise(f64);
    EXPECT_EQ(default_dtype(), f64);
    EXPECT_EQ(zeros({2}).dtype(), f64);
    EXPECT_EQ(randn({2}).dtype(), f64);
    EXPECT_EQ(linspace(0, 1, 3).dtype(), f64);
    EXPECT_EQ(arange(3.5).dtype(), f64);
    EXPECT_EQ(tensor({1.5, 2.0}).dtype(), f64);
    EXPECT_EQ(tensor({1, 2}).dtype(), i64);
    EXPECT_EQ(tensor(2.5).dtype(), f64);
    EXPECT_EQ(zeros({2}, {.dtype = f16}).dtype(), f16);
    // Integers that become floating-point.
    EXPECT_EQ((arange(3) * 0.5).dtype(), f64);
    EXPECT_EQ((arange(3) / arange(1, 4)).dtype(), f64);
    EXPECT_EQ(sqrt(arange(3)).dtype(), f64);
    EXPECT_EQ(sqrt(arange(3)).to_vector<double>()[2], 1.4142135623730951);
    // A number does not widen what is floating-point.
    EXPECT_EQ((zeros({2}, {.dtype = f32}) * 0.5).dtype(), f32);
    EXPECT_EQ(nn::Linear(2, 3).weight.dtype(), f64);
    EXPECT_EQ(to_string(tensor({1.5})), "tensor([1.5000])");
    EXPECT_EQ(to_string(tensor({1.5}, {.dtype = f32})), "tensor([1.5000], dtype=float32)");
    {
      const DefaultDType narrow(bf16);
      EXPECT_EQ(ones({1}).dtype(), bf16);
    }
    EXPECT_EQ(ones({1}).dtype(), f64);
  }
  EXPECT_EQ(ones({1}).dtype(), f32);
  EXPECT_EQ(testing::error_of([] { const DefaultDType whole(i64); }),
            "DefaultDType: i64 is not a floating-point dtype");
  EXPECT_EQ(default_dtype(), f32);
}

TEST(DefaultDType, GradientsHaveTheirTensorsDType) {
  const DefaultDType precise(f64);
  Tensor x = ones({3}, {.dtype = f32, .requires_grad = true});
  (x * 0.5 / 3).exp().sum().backward();
  EXPECT_EQ(x.grad().dtype(), f32);
}

TEST(CanCast, ToTheSameOrAHigherKind) {
  EXPECT_TRUE(can_cast(f64, f16));
  EXPECT_TRUE(can_cast(i64, u8));
  EXPECT_TRUE(can_cast(boolean, i8));
  EXPECT_TRUE(can_cast(i64, f32));
  EXPECT_TRUE(can_cast(f64, c64));
  EXPECT_FALSE(can_cast(f32, i64));
  EXPECT_FALSE(can_cast(u8, boolean));
  EXPECT_FALSE(can_cast(c64, f64));
}

TEST(Tensor, NewTensorAndDiagonals) {
  const Tensor x = zeros({2, 2}, {.dtype = f16});
  const Tensor values = tensor({1.0, 2.0});
  const Tensor y = x.new_tensor(values);
  EXPECT_EQ(y.dtype(), f16);
  EXPECT_EQ(x.new_tensor(values, i64).to_vector<int64_t>(), (std::vector<int64_t>{1, 2}));
  Tensor copy = values.new_tensor(values);
  copy.fill_(7);
  EXPECT_EQ(values[0].item<float>(), 1);
  Tensor m = zeros({3, 2});
  m.fill_diagonal_(4);
  EXPECT_EQ(m.to_vector<float>(), (std::vector<float>{4, 0, 0, 4, 0, 0}));
  Tensor cube = zeros({2, 2, 2});
  cube.fill_diagonal_(1);
  EXPECT_EQ(cube.to_vector<float>(), (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(testing::error_of([] { zeros({2}).fill_diagonal_(1); }),
            "fill_diagonal_: expected at least 2 dimensions, but the shape is [2]");
  EXPECT_EQ(ones({2, 3, 4}).sum_to_size({3, 1}).to_vector<float>(), (std::vector<float>{8, 8, 8}));
  const Tensor c = hearth::zeros({2, 3}, {.dtype = c64}) + 1;
  EXPECT_EQ(c.H().shape(), Shape({3, 2}));
  EXPECT_EQ(c.mH().shape(), Shape({3, 2}));
  EXPECT_EQ(m.T().shape(), Shape({2, 3}));
}

}  // namespace
}  // namespace hearth
