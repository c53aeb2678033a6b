// Optimizers on f16 and bf16 parameters: state in f32, the parameter rounded once a step.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/optim/optim.h"

namespace hearth {
namespace {

struct Golden {
  const char* name;
  DType dtype;
  std::vector<float> values;
};
#include "tests/core/optim/half_golden.inc"

using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>;
template <class O, class Options>
Make with(const Options& o) {
  return [o](std::vector<Tensor> p) { return std::make_unique<O>(std::move(p), o); };
}

// As in tools/golden/half_optim.py.
const std::vector<float> kStart{1.5, -0.75, 0.01171875, -40, 300, 0};
const std::vector<std::vector<float>> kGradients{{0.5, -1.25, 0.03125, 8, -100, 0.001953125},
                                                 {-0.25, 0.75, 0.0625, -4, 250, 0.0009765625},
                                                 {1, 0.125, -0.015625, 2, 75, -0.00390625},
                                                 {0.375, -0.5, 0.25, -1, -30, 0.015625}};
const std::vector<std::pair<std::string, Make>> kOptimizers{
    {"SGD", with<optim::SGD>(optim::SGDOptions{.lr = 0.1, .weight_decay = 0.01})},
    {"SGD, momentum", with<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.25})},
    {"SGD, nesterov",
     with<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true, .maximize = true})},
    {"Adam", with<optim::Adam>(optim::AdamOptions{.lr = 0.05, .weight_decay = 0.01})},
    {"Adam, amsgrad", with<optim::Adam>(optim::AdamOptions{.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .amsgrad = true})},
    {"AdamW", with<optim::AdamW>(optim::AdamWOptions{.lr = 0.05})},
    {"RMSprop", with<optim::RMSprop>(optim::RMSpropOptions{.lr = 0.05, .weight_decay = 0.01})},
    {"RMSprop, momentum", with<optim::RMSprop>(optim::RMSpropOptions{.lr = 0.05, .momentum = 0.9})},
    {"RMSprop, centered", with<optim::RMSprop>(optim::RMSpropOptions{.lr = 0.05, .centered = true})},
};

// `copies` of the numbers, so that a step runs over several blocks.
Tensor repeated(const std::vector<float>& v, int64_t copies, DType t) {
  std::vector<float> all;
  for (int64_t i = 0; i < copies; ++i) all.insert(all.end(), v.begin(), v.end());
  return from_values(all, {copies, static_cast<int64_t>(v.size())}).to(t);
}

TEST(HalfOptim, StepsAsPyTorch) {
  size_t tested = 0;
  for (const auto& [name, make] : kOptimizers) {
    for (const Golden& g : kGolden) {
      if (name != g.name) continue;
      ++tested;
      for (int64_t copies : {1, 1500}) {
        Tensor p = repeated(kStart, copies, g.dtype).requires_grad_();
        const auto optimizer = make({p});
        for (const auto& gradient : kGradients) {
          p.set_grad(repeated(gradient, copies, g.dtype));
          optimizer->step();
        }
        EXPECT_EQ(p.dtype(), g.dtype);
        const std::vector<float> got = p.detach().to_vector<float>();
        for (size_t i = 0; i < got.size(); ++i) {
          const float want = g.values[i % g.values.size()];
          // f32 sums in another order may round to the neighbour.
          const float last = std::ldexp(1.0F, std::ilogb(want) - (g.dtype == DType::kF16 ? 10 : 7));
          ASSERT_LE(std::abs(got[i] - want), last) << name << " " << to_string(g.dtype) << " " << i << ": " << got[i];
        }
        for (const auto& [key, t] : optimizer->state_dict()) {
          if (key.find(".step") == std::string::npos && !key.starts_with("group.")) {
            EXPECT_EQ(t.dtype(), DType::kF32) << name << " " << key;
          }
        }
      }
    }
  }
  EXPECT_EQ(tested, kGolden.size());
}

TEST(HalfOptim, ResumesBitEqual) {
  for (const auto& [name, make] : kOptimizers) {
    for (DType t : {DType::kF16, DType::kBF16}) {
      Tensor a = repeated(kStart, 1, t).requires_grad_();
      const auto first = make({a});
      for (size_t i = 0; i < 2; ++i) {
        a.set_grad(repeated(kGradients[i], 1, t));
        first->step();
      }
      Tensor b = a.detach().clone().requires_grad_();
      const auto second = make({b});
      second->load_state_dict(first->state_dict());
      for (size_t i = 2; i < 4; ++i) {
        a.set_grad(repeated(kGradients[i], 1, t));
        b.set_grad(a.grad());
        first->step();
        second->step();
      }
      EXPECT_EQ(a.detach().to_vector<float>(), b.detach().to_vector<float>()) << name;
    }
  }
}

// The squares of 300 do not fit into f16: the norm is taken in f32.
TEST(HalfOptim, ClipGradNorm) {
  for (DType t : {DType::kF16, DType::kBF16}) {
    Tensor p = zeros({4}, {.dtype = t}).requires_grad_();
    p.set_grad(full({4}, 300, {.dtype = t}));
    const std::vector<Tensor> parameters{p};
    EXPECT_EQ(optim::clip_grad_norm_(parameters, 60).item<double>(), 600);
    for (float v : p.grad().to_vector<float>()) EXPECT_NEAR(v, 30, 0.125);
    p.set_grad(full({4}, 60000, {.dtype = DType::kF16}).to(t));
    EXPECT_NEAR(optim::clip_grad_norm_(parameters, 1).item<double>(), 120000, 400);
    for (float v : p.grad().to_vector<float>()) EXPECT_NEAR(v, 0.5, 0.002);
  }
}

}  // namespace
}  // namespace hearth
