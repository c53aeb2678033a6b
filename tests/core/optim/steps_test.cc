// A hundred steps with every option against PyTorch, over a group of mixed sizes, layouts and histories.
#include <gtest/gtest.h>

#include <cmath>

#include "core/testing/error_of.h"
#include "tests/core/optim/optim_testing.h"

namespace hearth {
namespace {

struct Golden {
  const char* name;
  std::vector<double> values;
};
struct ClipGolden {
  double p, norm;
  std::vector<double> gradients;
};
#include "tests/core/optim/steps_golden.inc"

#include "tests/core/optim/muon_golden.inc"

using optim::Adafactor, optim::Adagrad, optim::Adadelta, optim::Adamax, optim::NAdam, optim::RAdam, optim::Rprop,
    optim::ASGD;
using optim::SGD, optim::Adam, optim::AdamW, optim::RMSprop;

// As in tools/golden/optim.py.
const std::vector<std::pair<std::string, MakeOptimizer>> kOptimizers{
    {"SGD", making<SGD>({.lr = 0.05})},
    {"SGD, weight decay", making<SGD>({.lr = 0.05, .weight_decay = 0.1})},
    {"SGD, maximize", making<SGD>({.lr = 0.05, .weight_decay = 0.1, .maximize = true})},
    {"SGD, momentum", making<SGD>({.lr = 0.05, .momentum = 0.9})},
    {"SGD, dampening", making<SGD>({.lr = 0.05, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.1})},
    {"SGD, nesterov", making<SGD>({.lr = 0.05, .momentum = 0.9, .nesterov = true, .maximize = true})},
    {"Adam", making<Adam>({.lr = 0.05})},
    {"Adam, betas", making<Adam>({.lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .eps = 1e-3})},
    {"Adam, weight decay", making<Adam>({.lr = 0.05, .weight_decay = 0.1})},
    {"Adam, amsgrad", making<Adam>({.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true})},
    {"Adam, maximize", making<Adam>({.lr = 0.05, .maximize = true})},
    {"AdamW", making<AdamW>({.lr = 0.05})},
    {"AdamW, weight decay", making<AdamW>({.lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1})},
    {"AdamW, amsgrad", making<AdamW>({.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true, .maximize = true})},
    {"RMSprop", making<RMSprop>({.lr = 0.01})},
    {"RMSprop, alpha", making<RMSprop>({.lr = 0.01, .alpha = 0.4, .eps = 1e-3, .weight_decay = 0.1})},
    {"RMSprop, momentum", making<RMSprop>({.lr = 0.01, .momentum = 0.9})},
    {"RMSprop, centered", making<RMSprop>({.lr = 0.01, .centered = true, .maximize = true})},
    {"RMSprop, all",
     making<RMSprop>({.lr = 0.01, .alpha = 0.4, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.5, .centered = true})},
    {"Adagrad", making<Adagrad>({.lr = 0.05})},
    {"Adagrad, all", making<Adagrad>({.lr = 0.05,
                                      .lr_decay = 0.02,
                                      .weight_decay = 0.1,
                                      .initial_accumulator_value = 0.5,
                                      .eps = 1e-3,
                                      .maximize = true})},
    {"Adadelta", making<Adadelta>({})},
    {"Adadelta, all", making<Adadelta>({.lr = 0.5, .rho = 0.7, .eps = 1e-3, .weight_decay = 0.1, .maximize = true})},
    {"Adamax", making<Adamax>({.lr = 0.05})},
    {"Adamax, all",
     making<Adamax>({.lr = 0.05, .beta1 = 0.7, .beta2 = 0.8, .eps = 1e-3, .weight_decay = 0.1, .maximize = true})},
    {"NAdam", making<NAdam>({.lr = 0.05})},
    {"NAdam, all", making<NAdam>({.lr = 0.05,
                                  .beta1 = 0.7,
                                  .beta2 = 0.8,
                                  .eps = 1e-3,
                                  .weight_decay = 0.1,
                                  .momentum_decay = 0.02,
                                  .maximize = true})},
    {"NAdam, decoupled", making<NAdam>({.lr = 0.05, .weight_decay = 0.1, .decoupled_weight_decay = true})},
    {"RAdam", making<RAdam>({.lr = 0.05})},
    {"RAdam, all",
     making<RAdam>({.lr = 0.05, .beta1 = 0.7, .beta2 = 0.8, .eps = 1e-3, .weight_decay = 0.1, .maximize = true})},
    {"RAdam, decoupled",
     making<RAdam>({.lr = 0.05, .beta1 = 0.7, .beta2 = 0.9, .weight_decay = 0.1, .decoupled_weight_decay = true})},
    {"Adafactor", making<Adafactor>({})},
    {"Adafactor, all", making<Adafactor>({.lr = 0.2,
                                          .beta2_decay = -0.5,
                                          .eps1 = 1e-4,
                                          .eps2 = 0.05,
                                          .d = 1.5,
                                          .weight_decay = 0.1,
                                          .maximize = true})},
    {"Rprop", making<Rprop>({.lr = 0.05})},
    {"Rprop, all",
     making<Rprop>(
         {.lr = 0.05, .eta_minus = 0.4, .eta_plus = 1.5, .min_step = 0.01, .max_step = 0.2, .maximize = true})},
    {"ASGD", making<ASGD>({.lr = 0.05})},
    {"ASGD, all",
     making<ASGD>({.lr = 0.05, .lambd = 0.1, .alpha = 0.5, .t0 = 10, .weight_decay = 0.1, .maximize = true})},
};

constexpr int kSteps = 100;
const std::vector<Shape> kShapes{{2, 3}, {3}, {0, 4}, {4, 3}, {}, {5}, {7}, {3, 2}};
constexpr size_t kTurned = 3, kUnused = 5, kSeldom = 6, kGaps = 7;

Tensor laid_out(const Tensor& t, size_t k) { return k == kTurned ? turned(t) : k == kGaps ? with_gaps(t) : t; }

// With names, the optimizer that takes over at half of the way has its parameters in another order.
void check(const MakeOptimizer& make, const std::vector<double>& want, bool named) {
  std::vector<Tensor> p;
  std::vector<optim::Parameters::Named> names;
  for (size_t k = 0; k < kShapes.size(); ++k) {
    p.push_back(laid_out(wave(kShapes[k], static_cast<double>(k)), k));
    p.back().requires_grad_();
    names.emplace_back("p" + std::to_string(k), p.back());
  }
  std::unique_ptr<optim::Optimizer> o = named ? make(names) : make(p);
  for (int s = 0; s < kSteps; ++s) {
    o->zero_grad();
    for (size_t k = 0; k < p.size(); ++k) {
      if (k == kUnused || (k == kSeldom && s % 3 != 0)) continue;
      const Tensor g = wave(kShapes[k], 0.7 * s + static_cast<double>(k)) + p[k].detach() * 0.25;
      // Gradients lie as their parameters do in some steps and otherwise in others.
      p[k].set_grad(s % 2 ? laid_out(g, k) : g.clone(MemoryFormat::kContiguous));
    }
    o->step();
    if (s != kSteps / 2) continue;
    std::unique_ptr<optim::Optimizer> other =
        named ? make(std::vector<optim::Parameters::Named>(names.rbegin(), names.rend())) : make(p);
    other->load_state_dict(o->state_dict());
    o = std::move(other);
  }
  size_t at = 0;
  for (size_t k = 0; k < p.size(); ++k) {
    for (double got : p[k].detach().to_vector<double>()) {
      ASSERT_NEAR(got, want[at], 1e-10 * (1 + std::abs(want[at]))) << "parameter " << k;
      ++at;
    }
  }
  EXPECT_EQ(at, want.size());
}

TEST(OptimizerSteps, AHundredAsPyTorch) {
  size_t tested = 0;
  for (const auto& [name, make] : kOptimizers) {
    for (const Golden& g : kGoldenSteps) {
      if (name != g.name) continue;
      ++tested;
      for (bool named : {false, true}) {
        SCOPED_TRACE(name + (named ? ", by name" : ", by index"));
        check(make, g.values, named);
      }
    }
  }
  EXPECT_EQ(tested, kGoldenSteps.size());
}

TEST(OptimizerSteps, MuonAsInF64) {
  const auto check_muon = [](const optim::MuonOptions& options, const std::vector<double>& want) {
    std::vector<Tensor> p{wave({4, 3}, 0), turned(wave({3, 5}, 1)), wave({0, 2}, 2)};
    for (Tensor& t : p) t.requires_grad_();
    optim::Muon muon(p, options);
    for (int s = 0; s < 20; ++s) {
      for (size_t k = 0; k < p.size(); ++k)
        p[k].set_grad(wave(p[k].shape(), 0.7 * s + static_cast<double>(k)) + p[k].detach() * 0.25);
      muon.step();
    }
    size_t at = 0;
    for (const Tensor& t : p) {
      for (double got : t.detach().to_vector<double>()) {
        ASSERT_LT(at, want.size());
        ASSERT_NEAR(got, want[at], 1e-10) << at;
        ++at;
      }
    }
    EXPECT_EQ(at, want.size());
  };
  check_muon({.lr = 0.05, .momentum = 0.9}, kGoldenMuon);
  check_muon({.lr = 0.05, .momentum = 0.9, .nesterov = false, .scale = optim::MuonOptions::Scale::kAsAdamW},
             kGoldenMuonAll);
}

TEST(OptimizerSteps, ComposedOnesRoundHalvesOnce) {
  // A step in f32 whose result is rounded once is that of an f32 parameter, rounded.
  const Tensor start = wave({40}, 0).to(f32), gradient = wave({40}, 1).to(bf16);
  for (const auto& [name, make] : kOptimizers) {
    SCOPED_TRACE(name);
    Tensor half = start.to(bf16).requires_grad_(), single = half.detach().to(f32).requires_grad_();
    half.set_grad(gradient);
    single.set_grad(gradient.to(f32));
    const auto a = make({half}), b = make({single});
    a->step();
    b->step();
    EXPECT_TRUE(half.detach().equal(single.detach().to(bf16)));
    for (const auto& [key, t] : a->state_dict()) EXPECT_NE(t.dtype(), bf16) << key;
  }
}

TEST(OptimizerSteps, WhatDoesNotFitIsSaid) {
  using testing::error_of;
  const Tensor vector = zeros({3}, {.requires_grad = true});
  EXPECT_EQ(
      error_of([&] { Adagrad({vector}, {.lr_decay = -1}); }),
      "Adagrad: lr, eps, weight_decay, lr_decay and initial_accumulator_value must not be negative, but are 0.01, "
      "1e-10, 0, -1 and 0");
  EXPECT_EQ(error_of([&] { Adadelta({vector}, {.rho = 2}); }), "Adadelta: rho must be in [0, 1], but is 2");
  EXPECT_EQ(error_of([&] { Adafactor({vector}, {.d = 0.5}); }), "Adafactor: d must be at least 1, but is 0.5");
  EXPECT_EQ(error_of([&] { Adafactor({vector}, {.beta2_decay = 0.5}); }),
            "Adafactor: beta2_decay must be at most 0, but is 0.5");
  EXPECT_EQ(error_of([&] { Rprop({vector}, {.eta_minus = 1}); }),
            "Rprop: eta_minus must be in (0, 1) and eta_plus above 1, but they are 1 and 1.2");
  optim::Muon muon({vector});
  Tensor(vector).set_grad(ones({3}));
  EXPECT_EQ(error_of([&] { muon.step(); }), "Muon: a parameter must be a matrix, but one has the shape [3]");
  const Tensor same = vector.detach().requires_grad_();
  Tensor(same).set_grad(ones({3}));
  optim::NAdam twice({vector, same});
  EXPECT_EQ(error_of([&] { twice.step(); }), "NAdam: two parameters share memory, of shapes [3] and [3]");
  EXPECT_FALSE(muon.elementwise());
  EXPECT_TRUE(twice.elementwise());
  Adagrad adagrad({vector});
  EXPECT_EQ(adagrad.momentum(0), 0);
  EXPECT_EQ(error_of([&] { adagrad.set_momentum(0.5, 0); }), "Adagrad: there is no momentum that could be 0.5");
  adagrad.set_lr(0.25, 0);
  EXPECT_EQ(adagrad.lr(), 0.25);
}

TEST(ClipGradNorm, AsPyTorch) {
  for (const ClipGolden& c : kGoldenClips) {
    SCOPED_TRACE(c.p);
    const std::vector<Tensor> p{zeros({2, 3}, {.dtype = f64}).requires_grad_(),
                                zeros({4}, {.dtype = f64}).requires_grad_()};
    for (size_t k = 0; k < 2; ++k) Tensor(p[k]).set_grad(wave(p[k].shape(), static_cast<double>(k)) * 3);
    if (!std::isfinite(c.norm)) p[1].grad()[2] = c.norm;
    const Tensor before = optim::grad_norm(p, c.p), norm = optim::clip_grad_norm_(p, 1.5, {.p = c.p});
    EXPECT_EQ(norm.dtype(), f64);
    EXPECT_EQ(norm.shape(), Shape{});
    std::vector<double> got{norm.item<double>(), before.item<double>()}, want{c.norm, c.norm};
    for (const Tensor& t : p) {
      for (double v : t.grad().to_vector<double>()) got.push_back(v);
    }
    want.insert(want.end(), c.gradients.begin(), c.gradients.end());
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      if (std::isfinite(want[i])) EXPECT_NEAR(got[i], want[i], 1e-12 * (1 + std::abs(want[i]))) << i;
      else EXPECT_TRUE(std::isnan(want[i]) ? std::isnan(got[i]) : got[i] == want[i]) << i << ": " << got[i];
    }
  }
}

}  // namespace
}  // namespace hearth
