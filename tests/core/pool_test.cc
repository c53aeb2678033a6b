#include "core/ops/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

struct Golden {
  Shape shape;
  std::vector<double> values;  // the result, then the input's gradient
};
#include "tests/core/pool_golden.inc"

Tensor wave(const Shape& shape, double s) { return sin(arange(shape.numel()).to(f64) * 0.37 + s).view(shape); }

void check(const Golden& want, const std::function<Tensor(const Tensor&)>& pool) {
  for (DType t : {f64, f32}) {
    Tensor x = wave({2, 3, 7, 6}, 1).detach().to(t);
    x.requires_grad_();
    const Tensor y = pool(x);
    ASSERT_EQ(y.shape(), want.shape);
    EXPECT_TRUE(y.is_contiguous(MemoryFormat::kChannelsLast));
    const Tensor loss = (y * wave(y.shape(), 5).to(t)).sum();
    const Tensor dx = grad({&loss, 1}, {{x}})[0];
    auto got = y.detach().to(f64).contiguous().to_vector<double>();
    const auto more = dx.to(f64).contiguous().to_vector<double>();
    got.insert(got.end(), more.begin(), more.end());
    ASSERT_EQ(got.size(), want.values.size());
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want.values[i], t == f64 ? 1e-9 : 1e-5) << i;
  }
}

TEST(Pool, ValuesAndGradients) {
  check(kGoldenMax, [](const Tensor& x) { return max_pool2d(x, 2); });
  check(kGoldenMaxOverlapping, [](const Tensor& x) {
    return max_pool2d(x, {3, 2}, {.stride = Extent2(2, 1), .padding = {1, 0}});
  });
  check(kGoldenMaxDilated, [](const Tensor& x) {
    return max_pool2d(x, 2, {.stride = Extent2(1), .padding = 1, .dilation = {2, 3}});
  });
  check(kGoldenMaxCeil,
        [](const Tensor& x) { return max_pool2d(x, 3, {.stride = Extent2(2), .padding = 1, .ceil_mode = true}); });
  check(kGoldenAvg, [](const Tensor& x) { return avg_pool2d(x, 2); });
  check(kGoldenAvgPadded, [](const Tensor& x) { return avg_pool2d(x, 3, {.stride = Extent2(2), .padding = 1}); });
  check(kGoldenAvgInside, [](const Tensor& x) {
    return avg_pool2d(x, 3, {.stride = Extent2(2), .padding = 1, .count_include_pad = false});
  });
  check(kGoldenAvgCeil,
        [](const Tensor& x) { return avg_pool2d(x, 3, {.stride = Extent2(3), .padding = 1, .ceil_mode = true}); });
  check(kGoldenAvgDivisor, [](const Tensor& x) {
    return avg_pool2d(x, {2, 3}, {.stride = Extent2(2), .divisor_override = 5});
  });
  check(kGoldenAdaptiveAvg, [](const Tensor& x) { return adaptive_avg_pool2d(x, {3, 4}); });
  check(kGoldenAdaptiveMax, [](const Tensor& x) { return adaptive_max_pool2d(x, {3, 4}); });
}

TEST(Pool, ManyChannelsAgreeWithFewAtAnyWidth) {
  const Tensor x = wave({2, 37, 9, 8}, 3).to(f32);
  Tensor first[2];
  for (int width : {1, 2, 4}) {
    ThreadWidth guard(width);
    const Tensor m = max_pool2d(x, 3, {.stride = Extent2(2), .padding = 1}), a = avg_pool2d(x, 3, {.padding = 1});
    if (width == 1) {
      first[0] = m;
      first[1] = a;
      for (int64_t k = 0; k < 37; ++k) {
        const Tensor one = x.narrow(1, k, 1);
        EXPECT_TRUE(max_pool2d(one, 3, {.stride = Extent2(2), .padding = 1}).equal(m.narrow(1, k, 1))) << k;
        EXPECT_TRUE(avg_pool2d(one, 3, {.padding = 1}).equal(a.narrow(1, k, 1))) << k;
      }
    }
    EXPECT_TRUE(m.equal(first[0]));
    EXPECT_TRUE(a.equal(first[1]));
  }
}

TEST(Pool, PlacesTiesAndNan) {
  const double nan = std::nan("");
  const Tensor x = tensor({1., 5., 5., 2., 0., 0., nan, 0.}, {.dtype = f32}).view({1, 1, 2, 4});
  const auto [y, places] = max_pool2d_with_indices(x, 2);
  EXPECT_EQ(places.dtype(), i64);
  EXPECT_EQ(places.to_vector<int64_t>(), (std::vector<int64_t>{1, 6}));
  EXPECT_EQ(y.to_vector<float>()[0], 5);
  EXPECT_TRUE(std::isnan(y.to_vector<float>()[1]));
}

TEST(Pool, SecondGradients) {
  Tensor x = wave({1, 2, 4, 4}, 1).detach();
  x.requires_grad_();
  // The gradient of sum(pool(x^2)^2) is known through max alone: 4 x^3 at the greatest squares.
  const Tensor y = max_pool2d(x * x, 2);
  const Tensor loss = (y * y).sum();
  const Tensor dx = grad({&loss, 1}, {{x}}, {}, {.create_graph = true})[0];
  const Tensor sum = dx.sum();
  const Tensor ddx = grad({&sum, 1}, {{x}})[0];
  const Tensor greatest = dx.detach().ne(0).to(f64);
  EXPECT_TRUE(ddx.allclose(greatest * x.detach() * x.detach() * 12));
  const Tensor a = avg_pool2d(x * x, 2);
  const Tensor al = (a * a).sum();
  const Tensor ax = grad({&al, 1}, {{x}}, {}, {.create_graph = true})[0];
  const Tensor asum = (ax * ax).sum();
  EXPECT_GT(grad({&asum, 1}, {{x}})[0].abs().sum().item<double>(), 0);
}

TEST(Pool, HalvesLinesAndSingleImages) {
  const Tensor x = wave({3, 6, 6}, 2).to(f32);
  for (DType t : {f16, bf16}) {
    EXPECT_TRUE(max_pool2d(x.to(t), 2).equal(max_pool2d(x.to(t).to(f32), 2).to(t)));
    EXPECT_TRUE(avg_pool2d(x.to(t), 2).equal(avg_pool2d(x.to(t).to(f32), 2).to(t)));
  }
  EXPECT_EQ(max_pool2d(x, 2).shape(), (Shape{3, 3, 3}));
  EXPECT_EQ(max_pool1d(x, 3).shape(), (Shape{3, 6, 2}));
  EXPECT_TRUE(avg_pool1d(x, 2).allclose((x.slice(2, 0, 6, 2) + x.slice(2, 1, 6, 2)) / 2));
  EXPECT_TRUE(adaptive_avg_pool1d(x, 1).allclose(x.mean({-1}, true)));
  EXPECT_EQ(max_pool2d(zeros({0, 3, 4, 4}), 2).shape(), (Shape{0, 3, 2, 2}));
}

void fails(const std::function<void()>& f, const std::string& part) {
  try {
    f();
    FAIL() << "no error with \"" << part << '"';
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}
TEST(Pool, BadInput) {
  const Tensor x = zeros({1, 1, 4, 4});
  fails([&] { max_pool2d(x, 5); }, "kernel [5, 5] is larger");
  fails([&] { max_pool2d(x, 0); }, "must be at least 1");
  fails([&] { max_pool2d(x, 2, {.padding = 2}); }, "at most half the kernel");
  fails([&] { max_pool2d(zeros({4, 4}), 2); }, "expected an input [n, c, h, w]");
  fails([&] { max_pool2d(x.to(i64), 2); }, "max_pool2d");
  fails([&] { avg_pool2d(x, 2, {.divisor_override = 0}); }, "divisor_override is 0");
  fails([&] { adaptive_avg_pool2d(x, 0); }, "sizes of at least 1");
  fails([&] { max_pool2d(zeros({1, 1, 0, 4}), 2); }, "no pixels");
  fails([&] { max_pool2d(x, int64_t{1} << 62); }, "too large");
}

}  // namespace
}  // namespace hearth
