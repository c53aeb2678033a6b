// Gradients of the vision ops against finite differences; dtypes; the same bits for any thread width.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/autograd/backward.h"
#include "core/base/error.h"
#include "core/base/parallel.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"
#include "vision/ops/color.h"
#include "vision/ops/geometry.h"
#include "vision/ops/resize.h"

namespace hearth::vision {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

// In (0, 1), no two alike.
Tensor wave(const Shape& shape, double s) {
  return sin(arange(shape.numel()).to(f64) * 0.7368 + s).view(shape) * 0.45 + 0.5;
}
Tensor gradient(const Function& f, const Tensor& x, bool create_graph = false) {
  const Tensor y = f(x), loss = (y * wave(y.shape(), 5)).sum();
  return grad({&loss, 1}, {{x}}, {}, {.create_graph = create_graph})[0];
}

void check_gradient(const Function& f, const Shape& shape, const std::string& what) {
  Tensor x = wave(shape, 1).detach();
  x.requires_grad_();
  const std::vector<double> got = gradient(f, x).to_vector<double>();
  const Tensor weight = wave(f(x).shape(), 5);
  constexpr double kStep = 1e-6;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const auto value = [&](double step) {
      Tensor moved = x.detach().clone();
      moved.mutable_data<double>()[i] += step;
      return (f(moved) * weight).sum().item<double>();
    };
    ASSERT_NEAR(got[static_cast<size_t>(i)], (value(kStep) - value(-kStep)) / (2 * kStep), 1e-7) << what << " at " << i;
  }
}
// Of ops that are linear: the gradient of <gradient, v> with respect to the output's weights is f(v) - f(0).
void check_double_gradient(const Function& f, const Shape& shape, const std::string& what) {
  Tensor x = wave(shape, 1).detach();
  x.requires_grad_();
  const Tensor y = f(x);
  Tensor dy = wave(y.shape(), 5).detach();
  dy.requires_grad_();
  const Tensor dx = grad({&y, 1}, {{x}}, {{dy}}, {.create_graph = true})[0];
  const Tensor v = wave(shape, 9), inner = (dx * v).sum();
  const Tensor ddy = grad({&inner, 1}, {{dy}})[0];
  EXPECT_TRUE(ddy.allclose(f(v) - f(zeros(shape, {.dtype = f64})), 1e-12, 1e-12)) << what;
}

TEST(Gradients, OfLinearOps) {
  const std::pair<const char*, Function> ops[] = {
      {"bilinear down",
       [](const Tensor& x) {
         return resize(x, {3, 4});
       }},
      {"bilinear up",
       [](const Tensor& x) {
         return resize(x, {9, 13}, {.antialias = false});
       }},
      {"bilinear plain down",
       [](const Tensor& x) {
         return resize(x, {3, 2}, {.antialias = false});
       }},
      {"bicubic",
       [](const Tensor& x) {
         return resize(x, {4, 11}, {.interpolation = Interpolation::kBicubic});
       }},
      {"bicubic plain",
       [](const Tensor& x) {
         return resize(x, {7, 3}, {.interpolation = Interpolation::kBicubic, .antialias = false});
       }},
      {"nearest",
       [](const Tensor& x) {
         return resize(x, {8, 4}, {.interpolation = Interpolation::kNearest});
       }},
      {"nearest exact",
       [](const Tensor& x) {
         return resize(x, {3, 14}, {.interpolation = Interpolation::kNearestExact});
       }},
      {"shorter side", [](const Tensor& x) { return resize_shorter_side(x, 3); }},
      {"crop",
       [](const Tensor& x) {
         return crop(x, 2, -1, {5, 4});
       }},
      {"crop far",
       [](const Tensor& x) {
         return crop(x, 20, 0, {5, 4});
       }},
      {"center crop",
       [](const Tensor& x) {
         return center_crop(x, {3, 4});
       }},
      {"center crop large",
       [](const Tensor& x) {
         return center_crop(x, {8, 3});
       }},
      {"pad",
       [](const Tensor& x) {
         return pad(x, {1, 2, 3, 0}, {.fill = 0.5});
       }},
      {"reflect",
       [](const Tensor& x) {
         return pad(x, {5, 4, 3, 4}, {.mode = PadMode::kReflect});
       }},
      {"replicate",
       [](const Tensor& x) {
         return pad(x, {9, 0, 3, 2}, {.mode = PadMode::kReplicate});
       }},
      {"symmetric",
       [](const Tensor& x) {
         return pad(x, {6, 5, 6, 5}, {.mode = PadMode::kSymmetric});
       }},
      {"flip", [](const Tensor& x) { return horizontal_flip(vertical_flip(x)); }},
  };
  for (const auto& [name, f] : ops) {
    check_gradient(f, {2, 5, 6}, name);
    check_gradient(f, {2, 1, 5, 6}, name);
    check_double_gradient(f, {2, 5, 6}, name);
  }
}

TEST(Gradients, OfColors) {
  const std::pair<const char*, Function> ops[] = {
      {"normalize",
       [](const Tensor& x) {
         return normalize(x, {0.4, 0.5, 0.6}, {0.2, 0.3, 0.4});
       }},
      {"grayscale", [](const Tensor& x) { return grayscale_to_rgb(rgb_to_grayscale(x)); }},
      {"hsv", rgb_to_hsv},
      {"rgb", hsv_to_rgb},
      {"brightness", [](const Tensor& x) { return adjust_brightness(x, 0.7); }},
      {"contrast", [](const Tensor& x) { return adjust_contrast(x, 0.7); }},
      {"saturation", [](const Tensor& x) { return adjust_saturation(x, 0.7); }},
      {"hue", [](const Tensor& x) { return adjust_hue(x, 0.13); }},
      {"gamma", [](const Tensor& x) { return adjust_gamma(x, 1.7, 0.9); }},
      {"invert", invert},
  };
  for (const auto& [name, f] : ops) check_gradient(f, {3, 3, 4}, name);
}

TEST(Gradients, OfHalfFloatsAreThoseOfF64Rounded) {
  for (DType t : {f16, bf16, f32}) {
    Tensor x = wave({2, 7, 9}, 1).detach().to(t), exact = x.detach().to(f64);
    x.requires_grad_();
    exact.requires_grad_();
    for (const Function& f : {Function([](const Tensor& v) {
                                return resize(v, {4, 5});
                              }),
                              Function([](const Tensor& v) { return pad(v, 3, {.mode = PadMode::kReflect}); })}) {
      const Tensor loss = f(x).sum(), want = f(exact).sum();
      const Tensor dx = grad({&loss, 1}, {{x}})[0], de = grad({&want, 1}, {{exact}})[0];
      EXPECT_EQ(dx.dtype(), t);
      const double eps = t == f32 ? 1e-6 : t == f16 ? 2e-3 : 2e-2;
      EXPECT_TRUE(dx.to(f64).allclose(de, eps, eps));
    }
  }
}

TEST(Gradients, OfPaddingKeepInfinitiesApart) {
  Tensor x = zeros({1, 3, 3}, {.dtype = f64});
  x.requires_grad_();
  const Tensor y = pad(x, 2, {.mode = PadMode::kReflect});
  Tensor dy = ones({1, 7, 7}, {.dtype = f64});
  dy.select(1, 0).select(1, 0).fill_(std::numeric_limits<double>::infinity());
  const Tensor dx = grad({&y, 1}, {{x}}, {{dy}})[0];
  EXPECT_FALSE(dx.isnan().any().item<bool>());
  EXPECT_EQ(dx.isinf().sum().item<int64_t>(), 1);
}

void refused(const Function& f, DType t, const std::string& op) {
  try {
    f(ones({3, 4, 4}).to(t));
    FAIL() << op << " takes " << to_string(t);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kUnsupported);
    EXPECT_NE(std::string(e.what()).find(op + ": dtype " + to_string(t) + " is not supported; it takes"),
              std::string::npos)
        << e.what();
  }
}

TEST(Dtypes, StatedOnesRunAndOthersAreRefusedByName) {
  const Function bilinear = [](const Tensor&x) { return resize(x, 3); },
                 grey = [](const Tensor&x) { return rgb_to_grayscale(x); };
  for (int i = 0; i < kDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    const Tensor x = ones({3, 4, 4}).to(t);
    if (is_complex(t)) {
      for (const auto& [op, f] : {std::pair<const char*, Function>{"vision::resize", bilinear},
                                  {"rgb_to_grayscale", grey},
                                  {"to_float", to_float},
                                  {"vision::crop", [](const Tensor& v) { return crop(v, 1, 1, 2); }},
                                  {"vision::pad", [](const Tensor& v) { return pad(v, 1, {.fill = 0.5}); }}}) {
        refused(f, t, op);
      }
      continue;
    }
    EXPECT_EQ(resize(x, 3, {.interpolation = Interpolation::kNearest}).dtype(), t);
    EXPECT_EQ(crop(x, 1, 1, 2).dtype(), t);
    EXPECT_EQ(center_crop(x, 7).dtype(), t);
    EXPECT_TRUE(pad(x, 1, {.fill = 1}).equal(ones({3, 6, 6}).to(t)));
    EXPECT_TRUE(horizontal_flip(x).equal(x));
    if (t == u8 || is_floating_point(t)) {
      EXPECT_TRUE(bilinear(x).equal(ones({3, 3, 3}).to(t))) << to_string(t);
      EXPECT_EQ(grey(x).dtype(), t);
      EXPECT_EQ(adjust_contrast(x, 0.5).dtype(), t);
    } else {
      refused(bilinear, t, "vision::resize");
      refused(grey, t, "rgb_to_grayscale");
      refused(to_float, t, "to_float");
    }
    if (!is_floating_point(t)) refused([](const Tensor& v) { return normalize(v, {0.5}, {0.5}); }, t, "normalize");
  }
}

// Of every kernel.
std::vector<Tensor> all_results() {
  const Tensor x = (wave({2, 3, 211, 190}, 3) * 255.0).to(u8), f = wave({3, 211, 190}, 2).to(f32);
  Tensor g = f.detach().clone();
  g.requires_grad_();
  const Tensor loss =
      (resize(g, {90, 300}) * resize(g, {90, 300})).sum() + pad(g, 9, {.mode = PadMode::kReflect}).square().sum();
  return {resize(x, {97, 222}),
          resize(x, {97, 222}, {.interpolation = Interpolation::kBicubic}),
          resize(x, {97, 222}, {.antialias = false}),
          resize(f, {97, 222}, {.interpolation = Interpolation::kBicubic}),
          resize(f.to(f64), {97, 222}),
          resize(x, {97, 222}, {.interpolation = Interpolation::kNearest}),
          pad(x, 31, {.mode = PadMode::kSymmetric}),
          adjust_hue(adjust_contrast(x, 0.7), 0.2),
          grad({&loss, 1}, {{g}})[0]};
}
void expect_same(const std::vector<Tensor>& got, const std::vector<Tensor>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i << ' ' << what;
}

TEST(Bits, AreTheSameForAnyNumberOfThreads) {
  std::vector<Tensor> one;
  for (int width : {1, 2, 4}) {
    const ThreadWidth w(width);
    const std::vector<Tensor> got = all_results();
    if (width == 1) one = got;
    expect_same(got, one, concat("at width ", width));
  }
}

TEST(Bits, AreTheSameOnEveryProcessor) {
  const std::vector<Tensor> want = all_results();
  for (const int64_t target : {int64_t{HWY_AVX3}, int64_t{HWY_AVX2}, int64_t{HWY_SCALAR}}) {
    if ((hwy::SupportedTargets() & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    expect_same(all_results(), want, concat("on ", hwy::TargetName(target)));
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace
}  // namespace hearth::vision
