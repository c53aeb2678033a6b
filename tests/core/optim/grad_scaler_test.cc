#include "core/optim/grad_scaler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/hearth.h"
#include "core/testing/error_of.h"

namespace hearth::optim {
namespace {

using testing::error_of;

struct One {
  Tensor w = ones({3});
  SGD o{{w}, {.lr = 0.5}};
  One() { w.requires_grad_(); }
  void gradient(const std::vector<float>& g) { w.set_grad(tensor(g)); }
};

TEST(GradScaler, ScalesTheLossAndTheGradientsBack) {
  One m;
  GradScaler s({.init_scale = 1024});
  const Tensor loss = (m.w * tensor({1.f, 2.f, 3.f})).sum();
  EXPECT_EQ(s.scale(loss).item<double>(), 6 * 1024);
  s.scale(loss).backward();
  EXPECT_EQ(m.w.grad().to_vector<double>(), (std::vector<double>{1024, 2048, 3072}));
  s.unscale_(m.o);
  EXPECT_EQ(m.w.grad().to_vector<double>(), (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(s.step(m.o));
  EXPECT_EQ(m.w.detach().to_vector<double>(), (std::vector<double>{0.5, 0, -0.5}));
  s.update();
  EXPECT_EQ(s.get_scale(), 1024);
  // An f16 loss would overflow.
  EXPECT_EQ(s.scale(full({}, 1000, {.dtype = f16})).dtype(), f32);
  EXPECT_EQ(s.scale(full({}, 1000, {.dtype = f16})).item<double>(), 1024000);
}

// torch.amp.GradScaler's rule.
TEST(GradScaler, GrowsAndBacksOff) {
  One m;
  GradScaler s({.init_scale = 8, .growth_factor = 4, .backoff_factor = 0.25, .growth_interval = 3});
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<double> scales;
  const std::vector<float> last{1, 1, 1, inf, 1, 1, nan, 1, 1, 1, -inf, 1};
  for (const float v : last) {
    m.gradient({0, v, 0});
    const bool made = s.step(m.o);
    EXPECT_EQ(made, std::isfinite(v));
    s.update();
    scales.push_back(s.get_scale());
  }
  EXPECT_EQ(scales, (std::vector<double>{8, 8, 32, 8, 8, 8, 2, 2, 2, 8, 2, 2}));
  // The steps that were made, with gradients divided by the scale of that time.
  double expected = 1;
  for (const double g : {1 / 8., 1 / 8., 1 / 8., 1 / 8., 1 / 8., 1 / 2., 1 / 2., 1 / 2., 1 / 2.}) expected -= 0.5 * g;
  EXPECT_NEAR(m.w.detach().to_vector<double>()[1], expected, 1e-6);
}

TEST(GradScaler, GoesOnFromItsState) {
  One m;
  GradScaler a({.init_scale = 16, .growth_interval = 2}), b({.growth_interval = 2});
  m.gradient({1, 1, 1});
  a.step(m.o);
  a.update();
  b.load_state_dict(a.state_dict());
  EXPECT_EQ(b.get_scale(), 16);
  m.gradient({1, 1, 1});
  b.step(m.o);
  b.update();
  EXPECT_EQ(b.get_scale(), 32);
  EXPECT_NE(error_of([&] {
              b.load_state_dict({{"scale", ones({})}});
            }).find("\"growth_tracker\" is missing"),
            std::string::npos);
  auto state = a.state_dict();
  state["scale"] = zeros({});
  EXPECT_NE(error_of([&] { b.load_state_dict(state); }).find("above 0"), std::string::npos);
  state = a.state_dict();
  state["more"] = zeros({});
  EXPECT_NE(error_of([&] { b.load_state_dict(state); }).find("unexpected entry \"more\""), std::string::npos);
  EXPECT_EQ(b.get_scale(), 32);
}

TEST(GradScaler, SaysWhatIsCalledOutOfTurn) {
  One m;
  GradScaler s;
  EXPECT_NE(error_of([&] { s.update(); }).find("without a step()"), std::string::npos);
  m.gradient({1, 1, 1});
  s.unscale_(m.o);
  EXPECT_NE(error_of([&] { s.unscale_(m.o); }).find("was called for this optimizer already"), std::string::npos);
  s.step(m.o);
  EXPECT_NE(error_of([&] { s.step(m.o); }).find("step() was called"), std::string::npos);
  EXPECT_NE(error_of([&] { s.unscale_(m.o); }).find("after step()"), std::string::npos);
  s.update();
  Tensor half = ones({2}, {.dtype = f16});
  half.requires_grad_();
  SGD o({half}, {.lr = 1});
  half.set_grad(ones({2}, {.dtype = f16}));
  EXPECT_NE(error_of([&] { s.step(o); }).find("is f16; keep parameters in f32"), std::string::npos);
  EXPECT_NE(error_of([] { GradScaler({.growth_factor = 1}); }).find("growth_factor"), std::string::npos);
  EXPECT_NE(error_of([] { GradScaler({.backoff_factor = 1}); }).find("backoff_factor"), std::string::npos);
  EXPECT_NE(error_of([] { GradScaler({.growth_interval = 0}); }).find("growth_interval"), std::string::npos);
  EXPECT_NE(error_of([] { GradScaler({.init_scale = 0}); }).find("init_scale"), std::string::npos);
}

TEST(GradScaler, SeveralOptimizersShareAScale) {
  One a, b;
  GradScaler s({.init_scale = 4});
  a.gradient({4, 4, 4});
  b.gradient({4, std::numeric_limits<float>::infinity(), 4});
  EXPECT_TRUE(s.step(a.o));
  EXPECT_FALSE(s.step(b.o));
  s.update();
  EXPECT_EQ(s.get_scale(), 2);
  EXPECT_EQ(a.w.detach().to_vector<double>()[0], 0.5);
  EXPECT_EQ(b.w.detach().to_vector<double>()[0], 1);
}

TEST(GradScaler, GradientsThatAreSharedOrGivenOnce) {
  Tensor a = ones({2}), b = ones({2}), wide = ones({2}, {.dtype = f64});
  for (Tensor* t : {&a, &b, &wide}) t->requires_grad_();
  SGD o({a, b, wide}, {.lr = 1});
  const Tensor shared = tensor({8.f, 16.f});
  a.set_grad(shared);
  b.set_grad(shared);
  wide.set_grad(full({}, 4, {.dtype = f64}).expand({2}));  // one number for both elements
  GradScaler s({.init_scale = 8});
  EXPECT_TRUE(s.step(o));
  EXPECT_EQ(a.detach().to_vector<double>(), (std::vector<double>{0, -1}));
  EXPECT_EQ(b.detach().to_vector<double>(), (std::vector<double>{0, -1}));
  EXPECT_EQ(wide.detach().to_vector<double>(), (std::vector<double>{0.5, 0.5}));
}

// What another rank has found counts, also where this one has no gradient.
TEST(GradScaler, RanksFindAnOverflowTogether) {
  One m;
  int asked = 0;
  GradScaler s({.init_scale = 4, .reduce = [&](const Tensor& largest) {
                  ++asked;
                  EXPECT_EQ(largest.item<double>(), 0);
                  return full({}, std::numeric_limits<double>::infinity(), {.dtype = f64});
                }});
  EXPECT_FALSE(s.step(m.o));
  s.update();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(s.get_scale(), 2);
}

TEST(GradScaler, SwitchedOffItIsNotThere) {
  One m;
  GradScaler s({.enabled = false});
  const Tensor loss = m.w.sum();
  EXPECT_EQ(s.scale(loss).item<double>(), 3);
  m.gradient({1, std::numeric_limits<float>::infinity(), 1});
  s.unscale_(m.o);
  EXPECT_TRUE(s.step(m.o));
  s.update();
  EXPECT_EQ(s.get_scale(), 1);
}

// Gradients that f16 cannot hold are there with a scaler.
TEST(GradScaler, SavesSmallGradientsFromUnderflow) {
  const auto gradient = [](double scale) {
    nn::Linear l(4, 4);
    GradScaler s({.init_scale = scale, .enabled = scale != 1});
    Tensor loss;
    {
      const Autocast mixed(f16);
      loss = (l(full({2, 4}, 1e-4)) * 1e-6).sum();
    }
    s.scale(loss).backward();
    SGD o(l.parameters(), {.lr = 1});
    s.unscale_(o);
    return l.weight.grad().abs().max().item<double>();
  };
  EXPECT_EQ(gradient(1), 0);
  EXPECT_NEAR(gradient(32768), 2e-10, 4e-12);
}

}  // namespace
}  // namespace hearth::optim
