// Norms of gradients and clipping; values are compared with PyTorch's in steps_test.
#include <gtest/gtest.h>

#include <cmath>

#include "core/base/parallel.h"
#include "core/op/run.h"
#include "core/testing/error_of.h"
#include "tests/core/optim/optim_testing.h"

namespace hearth {
namespace {

using optim::clip_grad_norm_, optim::grad_norm;
using testing::error_of;

Tensor with_gradient(const Tensor& g) {
  Tensor p = zeros_like(g).requires_grad_();
  p.set_grad(g);
  return p;
}
std::vector<double> gradient(const Tensor& p) { return p.grad().to_vector<double>(); }

TEST(GradNorm, OfAllGradientsTogether) {
  const std::vector<Tensor> p{with_gradient(full({2, 2}, 1.0)), with_gradient(zeros({0, 3})),
                              zeros({3}).requires_grad_(), with_gradient(tensor({-3.0, 2.0}))};
  EXPECT_EQ(grad_norm(p).dtype(), f32);
  EXPECT_EQ(grad_norm(p).shape(), Shape{});
  EXPECT_EQ(grad_norm(p).item<float>(), std::sqrt(17.0F));
  EXPECT_EQ(grad_norm(p, 1).item<float>(), 9);
  EXPECT_EQ(grad_norm(p, 3).item<float>(), static_cast<float>(std::cbrt(39.0)));
  EXPECT_EQ(grad_norm(p, INFINITY).item<float>(), 3);
  EXPECT_EQ(grad_norm(std::vector<Tensor>{}).item<float>(), 0);
  EXPECT_EQ(grad_norm({&p[2], 1}, INFINITY).item<float>(), 0);
  EXPECT_EQ(grad_norm({&p[1], 1}).item<float>(), 0);
  // The squares have no place in f32, nor those of 300 in f16.
  EXPECT_EQ(grad_norm(std::vector<Tensor>{with_gradient(full({4}, 0x1p100))}).item<float>(), 0x1p101F);
  EXPECT_EQ(grad_norm(std::vector<Tensor>{with_gradient(full({4}, 300, {.dtype = f16}))}).item<float>(), 600);
  const std::vector<Tensor> mixed{with_gradient(full({4}, 3, {.dtype = bf16})),
                                  with_gradient(full({1}, 8, {.dtype = f64}))};
  EXPECT_EQ(grad_norm(mixed).dtype(), f64);
  EXPECT_EQ(grad_norm(mixed).item<double>(), 10);
  EXPECT_EQ(error_of([&] { grad_norm(p, 0); }), "grad_norm: p must be above 0, but is 0");
  // Given twice it counts once.
  EXPECT_EQ(grad_norm(std::vector<Tensor>{mixed[1], mixed[1]}).item<double>(), 8);
}

TEST(GradNorm, InAnyLayoutAndWithAnyNumberOfThreads) {
  std::vector<Tensor> p, plain;
  long double squares = 0;
  for (int k = 0; k < 30; ++k) {
    const Tensor g = wave({k + 1, 701 * (k % 4)}, k);
    for (double v : g.to_vector<double>()) squares += static_cast<long double>(v) * v;
    p.push_back(with_gradient(k % 3 == 0 ? turned(g) : k % 3 == 1 && g.numel() > 0 ? with_gaps(g) : g));
    plain.push_back(with_gradient(g.clone()));
  }
  const double want = std::sqrt(static_cast<double>(squares));
  double first = 0;
  for (int width : {1, 2, 4}) {
    const ThreadWidth threads(width);
    const double got = grad_norm(p).item<double>();
    EXPECT_NEAR(got, want, 1e-13 * want);
    if (width == 1) first = got;
    EXPECT_EQ(got, first);
  }
  clip_grad_norm_(p, 1);
  clip_grad_norm_(plain, 1);
  for (size_t i = 0; i < p.size(); ++i) {
    const std::vector<double> a = gradient(p[i]), b = gradient(plain[i]);
    ASSERT_EQ(a.size(), b.size());
    for (size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], b[k], 1e-15);
  }
  EXPECT_NEAR(grad_norm(p).item<double>(), 1, 1e-6);
}

// Tensors without data have no values to be read.
TEST(ClipGradNorm, ReadsNothing) {
  Tensor p = zeros({3}, {.device = kMeta}).requires_grad_();
  p.set_grad(zeros({3}, {.device = kMeta}));
  for (double order : {1.0, 2.0, 3.0, static_cast<double>(INFINITY)}) {
    const Tensor norm = clip_grad_norm_({&p, 1}, 1, {.p = order});
    EXPECT_TRUE(norm.device().is_meta());
    EXPECT_EQ(norm.dtype(), f32);
  }
  EXPECT_NE(error_of([&] {
              clip_grad_norm_({&p, 1}, 1, {.error_if_nonfinite = true});
            }).find("clip_grad_norm_"),
            std::string::npos);
}

TEST(ClipGradNorm, ScalesAndReturnsTheNormBefore) {
  const Tensor p = with_gradient(full({4}, 3.0));
  EXPECT_EQ(clip_grad_norm_({&p, 1}, 6.5).item<float>(), 6);
  EXPECT_EQ(gradient(p), (std::vector<double>{3, 3, 3, 3}));  // bit for bit
  const uint32_t version = p.grad().version();
  EXPECT_EQ(clip_grad_norm_({&p, 1}, 1).item<float>(), 6);
  EXPECT_GT(p.grad().version(), version);
  for (double v : gradient(p)) EXPECT_NEAR(v, 0.5, 1e-6);
  // Small factors lose no more in f16 than the gradient does.
  const Tensor h = with_gradient(full({4}, 60000, {.dtype = f16}));
  EXPECT_EQ(clip_grad_norm_({&h, 1}, 1).item<float>(), 120000);
  for (double v : gradient(h)) EXPECT_EQ(v, 0.5);
  EXPECT_EQ(clip_grad_norm_(std::vector<Tensor>{}, 1).item<float>(), 0);
  EXPECT_EQ(error_of([&] {
              clip_grad_norm_({&p, 1}, -1);
            }),
            "clip_grad_norm_: max_norm must not be negative and p must be above 0, but are -1 and 2");
}

TEST(ClipGradNorm, SharedAndStretchedGradients) {
  const Tensor g = full({4}, 3.0);
  const std::vector<Tensor> both{with_gradient(g), with_gradient(g)};
  EXPECT_EQ(clip_grad_norm_(both, 1).item<float>(), std::sqrt(72.0F));
  EXPECT_NEAR(grad_norm(both).item<double>(), 1, 1e-5);  // once, not twice
  const std::vector<Tensor> stretched{with_gradient(full({1}, 3.0).expand({4}))};
  EXPECT_EQ(clip_grad_norm_(stretched, 3).item<float>(), 6);
  for (double v : gradient(stretched[0])) EXPECT_NEAR(v, 1.5, 1e-5);
}

TEST(ClipGradNorm, NonfiniteNormsMayBeErrors) {
  for (double bad : {NAN, INFINITY}) {
    const Tensor p = with_gradient(tensor({1.0, bad, 2.0}));
    const std::string error = error_of([&] { clip_grad_norm_({&p, 1}, 1, {.error_if_nonfinite = true}); });
    EXPECT_EQ(error, std::string("clip_grad_norm_: the norm of the gradients, of order 2, is ") +
                         (std::isnan(bad) ? "nan" : "inf"));
    EXPECT_EQ(gradient(p)[0], 1);
  }
}

// Two ranks, each with a half of the gradients, and one without any.
TEST(ClipGradNorm, ReducesOverRanks) {
  const Tensor all = with_gradient(wave({10}, 1)), left = with_gradient(wave({10}, 1).slice(0, 0, 4).clone()),
               right = with_gradient(wave({10}, 1).slice(0, 4, 10).clone());
  for (double order : {1.0, 2.0, 3.0, static_cast<double>(INFINITY)}) {
    const auto part_of = [&](const Tensor& p) {
      Tensor part;
      (void)grad_norm({&p, 1}, order, [&](Tensor t) { return part = t; });
      EXPECT_EQ(part.dtype(), f64);
      return part;
    };
    const Tensor a = part_of(left), b = part_of(right);
    const auto reduce = [&](const Tensor&) { return std::isinf(order) ? maximum(a, b) : a + b; };
    const double want = grad_norm({&all, 1}, order).item<double>();
    EXPECT_NEAR(grad_norm({&left, 1}, order, reduce).item<double>(), want, 1e-12);
    const Tensor none = zeros({2}, {.dtype = f64}).requires_grad_();
    EXPECT_NEAR(grad_norm({&none, 1}, order, reduce).item<double>(), want, 1e-6);
  }
  clip_grad_norm_({&left, 1}, 0.5, {.reduce = [](const Tensor& t) { return t * 0 + 4; }});
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(gradient(left)[i], wave({10}, 1).to_vector<double>()[i] / 4, 1e-6);
  EXPECT_EQ(error_of([&] {
              grad_norm({&left, 1}, 2, [](const Tensor&) { return Tensor(); });
            }),
            "grad_norm: reduce must give an f64 tensor of shape []");
}

TEST(ClipGradValue, Clamps) {
  const Tensor p = with_gradient(tensor({-3.0, 0.1, 2.0}));
  optim::clip_grad_value_({&p, 1}, 0.25);
  EXPECT_EQ(p.grad().to_vector<float>(), (std::vector<float>{-0.25F, 0.1F, 0.25F}));
}

TEST(ClipGradValue, StretchedGradients) {
  const std::vector<Tensor> stretched{with_gradient(full({1}, 3.0).expand({4}))};
  optim::clip_grad_value_(stretched, 1);
  EXPECT_EQ(gradient(stretched[0]), (std::vector<double>(4, 1)));
}

}  // namespace
}  // namespace hearth
