#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/autograd/guards.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/print.h"
#include "core/ops/view.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;
constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

// A tensor and what PyTorch prints for it. Without values it is (i * factor % modulus - offset) / divisor.
struct Printed {
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<double> values;
  struct Rule {
    int64_t factor = 0, modulus = 1, offset = 0, divisor = 1;
  } rule;
  std::string text;
};
#include "tests/core/print_golden.inc"

Tensor made(const Printed& p) {
  const Shape shape{std::span<const int64_t>(p.shape)};
  std::vector<double> v = p.values;
  for (int64_t i = 0; v.empty() && p.rule.factor && i < shape.numel(); ++i) {
    for (; i < shape.numel(); ++i)
      v.push_back(static_cast<double>(i * p.rule.factor % p.rule.modulus - p.rule.offset) /
                  static_cast<double>(p.rule.divisor));
  }
  return from_values(v, shape).to(p.dtype);
}

TEST(Print, AsPyTorch) {
  ASSERT_GT(kPrinted.size(), 200u);
  for (const Printed& p : kPrinted) {
    const Tensor t = made(p);
    EXPECT_EQ(to_string(t), p.text);
    // Strides do not show.
    if (t.dim() > 1) {
      EXPECT_EQ(to_string(transpose(transpose(t, 0, -1).contiguous(), 0, -1)), p.text);
    }
  }
}

TEST(Print, WhatBelongsToATensor) {
  Tensor x = tensor({1.0, 2.0}).requires_grad_();
  EXPECT_EQ(to_string(x), "tensor([1., 2.], requires_grad=True)");
  EXPECT_EQ(to_string(x * 2), "tensor([2., 4.], grad_fn=<mul>)");
  EXPECT_EQ(to_string(x.to(f64) * 2), "tensor([2., 4.], dtype=float64, grad_fn=<mul>)");
  EXPECT_EQ(to_string(Tensor()), "tensor(undefined)");
  EXPECT_EQ(to_string(zeros({2, 3}).to(kMeta)), "tensor(..., device='meta', size=(2, 3))");
  EXPECT_EQ(to_string(zeros({2}, {.dtype = i64}).to(kMeta)), "tensor(..., device='meta', size=(2,), dtype=int64)");
  // Part of a larger memory.
  EXPECT_EQ(to_string(arange(0, 12).view({3, 4}).slice(1, 1, 3)),
            "tensor([[ 1,  2],\n        [ 5,  6],\n        [ 9, 10]])");
}

TEST(Print, Options) {
  const Tensor x = arange(8.0).view({2, 4}) / 3;
  EXPECT_EQ(to_string(x, {.precision = 2}), "tensor([[0.00, 0.33, 0.67, 1.00],\n        [1.33, 1.67, 2.00, 2.33]])");
  EXPECT_EQ(to_string(x, {.precision = 2, .sci_mode = true}),
            "tensor([[0.00e+00, 3.33e-01, 6.67e-01, 1.00e+00],\n        [1.33e+00, 1.67e+00, 2.00e+00, 2.33e+00]])");
  const PrintOptions few{.threshold = 5, .edgeitems = 1};
  EXPECT_EQ(to_string(x, few), "tensor([[0.0000,  ..., 1.0000],\n        [1.3333,  ..., 2.3333]])");
  EXPECT_EQ(to_string(arange(100), few), "tensor([ 0,  ..., 99])");
  EXPECT_EQ(to_string(arange(4.0) / 7, {.linewidth = 30}), "tensor([0.0000, 0.1429,\n        0.2857, 0.4286])");
  const std::string before = to_string(x);
  set_printoptions({.precision = 1});
  EXPECT_EQ(get_printoptions().precision, 1);
  EXPECT_EQ(to_string(x), "tensor([[0.0, 0.3, 0.7, 1.0],\n        [1.3, 1.7, 2.0, 2.3]])");
  set_printoptions({});
  EXPECT_EQ(to_string(x), before);
  EXPECT_EQ(error_of([] { set_printoptions({.precision = -1}); }),
            "PrintOptions: precision must be from 0 to 40, but is -1");
  EXPECT_NE(error_of([&] {
              to_string(x, {.edgeitems = 0});
            }).find("edgeitems must be from 1 to 2^30 and linewidth at least 1"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth
