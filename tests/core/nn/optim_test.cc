// Optimizers and schedules against PyTorch, and what they refuse.
#include <gtest/gtest.h>

#include "core/autograd/backward.h"
#include "core/autograd/guards.h"
#include "core/nn/linear.h"
#include "core/ops/reduce.h"
#include "core/optim/optimizer.h"
#include "core/optim/scheduler.h"
#include "core/optim/util.h"
#include "tests/core/nn/golden.inc"
#include "tests/core/nn/nn_testing.h"

// What a layer was made with is there.
// NOLINTBEGIN(bugprone-unchecked-optional-access)
namespace hearth {
namespace {

template <class O, class Options>
void check_optimizer(const Options& options, const std::vector<double>& want) {
  Tensor p = leaf({2, 3}, 4);
  O opt({p}, options);
  for (int i = 0; i < 5; ++i) {
    opt.zero_grad();
    (p * p * wave({2, 3}, i)).sum().backward();
    if (i == 3) {  // a new optimizer with the saved state goes on alike
      const auto state = opt.state_dict();
      O other({p}, options);
      other.load_state_dict(state);
      other.step();
      opt.load_state_dict(other.state_dict());
    } else {
      opt.step();
    }
  }
  expect_close({p}, want);
}

TEST(Optim, StepsAsPyTorch) {
  check_optimizer<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
                              kGoldenSgd);
  check_optimizer<optim::Adam>(optim::AdamOptions{.lr = 0.1, .weight_decay = 0.01, .amsgrad = true}, kGoldenAdam);
  check_optimizer<optim::AdamW>(optim::AdamWOptions{.lr = 0.1, .weight_decay = 0.1}, kGoldenAdamW);
  check_optimizer<optim::RMSprop>(
      optim::RMSpropOptions{.lr = 0.01, .weight_decay = 0.01, .momentum = 0.5, .centered = true}, kGoldenRmsprop);
}

template <class Make>
void check_scheduler(Make make, const std::vector<double>& want) {
  Tensor p = zeros({1}, {.requires_grad = true});
  optim::SGD opt({p}, {.lr = 0.5, .momentum = 0.9});
  auto s = make(opt);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(opt.lr(), want[2 * i], 1e-12) << "step " << i;
    EXPECT_NEAR(opt.momentum(0), want[2 * i + 1], 1e-12) << "step " << i;
    s->step();
  }
}

TEST(Optim, SchedulesAsPyTorch) {
  using namespace optim;
  check_scheduler(
      [](Optimizer& o) { return std::make_unique<OneCycleLR>(o, OneCycleOptions{.max_lr = 0.8, .total_steps = 10}); },
      kGoldenLrOneCycle);
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingLR>(o, 9); }, kGoldenLrCosine);
  check_scheduler([](Optimizer& o) { return std::make_unique<StepLR>(o, 4, 0.5); }, kGoldenLrStep);
  check_scheduler([](Optimizer& o) { return std::make_unique<LinearLR>(o, 5, 0.2); }, kGoldenLrLinear);
}

TEST(Optim, SequencesMoveTheMomentumAsPyTorch) {
  using namespace optim;
  Tensor p = zeros({1}, {.requires_grad = true});
  SGD opt({p}, {.lr = 0.5, .momentum = 0.9});
  const auto list = [&](auto first, auto second) {
    std::vector<std::unique_ptr<Scheduler>> all;
    all.push_back(std::move(first));
    all.push_back(std::move(second));
    return all;
  };
  const auto cycle = [&] {
    return std::make_unique<OneCycleLR>(opt, OneCycleOptions{.max_lr = 0.8, .total_steps = 10});
  };
  {
    SequentialLR s(opt, list(cycle(), std::make_unique<StepLR>(opt, 4)), {6});
    for (double want : kGoldenSequentialMomentum) {
      EXPECT_NEAR(opt.momentum(0), want, 1e-12) << s.current_step();
      s.step();
    }
    s.set_step(2);  // and back again
    EXPECT_NEAR(opt.momentum(0), kGoldenSequentialMomentum[2], 1e-12);
  }
  // The optimizer's own until the cycle begins.
  opt.set_momentum(0.7, 0);
  opt.set_lr(0.5);
  std::unique_ptr<Scheduler> warm_up = std::make_unique<LinearLR>(opt, 3, 0.1);
  SequentialLR s(opt, list(std::move(warm_up), cycle()), {3});
  for (int i = 0; i < 3; ++i, s.step()) EXPECT_EQ(opt.momentum(0), 0.7);
  for (size_t i = 0; i < 6; ++i, s.step()) EXPECT_NEAR(opt.momentum(0), kGoldenSequentialMomentum[i], 1e-12);
}

TEST(Optim, ShortForms) {
  nn::Linear net(2, 3);
  const auto p = net.parameters();
  EXPECT_EQ(optim::SGD(p).lr(), 1e-3);
  EXPECT_EQ(optim::Adam(p).lr(), 1e-3);
  EXPECT_EQ(optim::AdamW(p).lr(), 1e-3);
  EXPECT_EQ(optim::RMSprop(p).lr(), 1e-2);
  EXPECT_EQ(optim::SGD(p, 0.5).lr(), 0.5);
  EXPECT_EQ(optim::Adam(p, 0.5f).lr(), 0.5);
  EXPECT_EQ(optim::AdamW(p, 1).lr(), 1);
  EXPECT_EQ(optim::RMSprop(p, 0.5).lr(), 0.5);
  EXPECT_EQ(optim::Adam(p, {}).lr(), 1e-3);  // options, not the number 0
  EXPECT_EQ(optim::Adam(p, {.lr = 0.25}).lr(), 0.25);
}

TEST(Optim, Refuses) {
  nn::Linear net(2, 3);
  const Tensor w = net.weight, b = *net.bias;
  EXPECT_EQ(message([&] { optim::SGD o(std::vector<Tensor>{}); }), "SGD: there are no parameters to optimize");
  EXPECT_EQ(message([&] {
              optim::AdamW o({w, b, w});
            }),
            "AdamW: parameter 2 of group 0, of shape [3, 2], is the same tensor as parameter 0 of group 0");
  EXPECT_EQ(message([&] {
              optim::Adam({w}).add_group({b, w}, {});
            }),
            "Adam: parameter 1 of group 1, of shape [3, 2], is the same tensor as parameter 0 of group 0");
  EXPECT_EQ(message([&] { optim::SGD o({Tensor()}); }), "SGD: parameter 0 of group 0 is undefined");
  EXPECT_EQ(
      message([&] { optim::SGD o({w * 2}); }),
      "SGD: only leaf tensors can be optimized, but parameter 0 of group 0 of shape [3, 2] was computed from others");
  for (int i = 0; i < 3; ++i) {
    const auto refuse = [i](optim::Optimizer& o, const std::string& name) {
      const std::string says = name + ": there is no parameter group 5; the optimizer has 1";
      EXPECT_EQ(message([&] { i == 0 ? o.set_lr(1, 5) : i == 1 ? (void)o.lr(5) : (void)o.parameters(5); }), says);
    };
    optim::SGD sgd({w});
    optim::Adam adam({w});
    optim::AdamW adamw({w});
    optim::RMSprop rms({w});
    refuse(sgd, "SGD");
    refuse(adam, "Adam");
    refuse(adamw, "AdamW");
    refuse(rms, "RMSprop");
  }
  optim::RMSprop rms({w});
  rms.add_group({b}, {.lr = 0.5});
  EXPECT_EQ(rms.lr(1), 0.5);
  EXPECT_EQ(message([&] { optim::SGD({w}).add_group({b}, {.lr = -1}); }),
            "SGD: lr, momentum and weight_decay must not be negative, but are -1, 0 and 0");
  EXPECT_EQ(message([&] { optim::AdamW({w}, {.beta1 = 1}); }), "AdamW: betas must be in [0, 1), but are 1 and 0.999");
}

TEST(Optim, ClippingAndAverages) {
  Tensor p = ones({4}, {.requires_grad = true});
  (p * 3).sum().backward();
  EXPECT_NEAR(optim::clip_grad_norm_({&p, 1}, 1), 6, 1e-6);
  EXPECT_NEAR(p.grad().norm().item<double>(), 1, 1e-5);
  optim::clip_grad_value_({&p, 1}, 0.25);
  EXPECT_EQ(p.grad().amax().item<double>(), 0.25);
  optim::EMA ema({p}, 0.5);
  {
    NoGrad off;
    p.fill_(3);
  }
  ema.update();
  EXPECT_EQ(ema.averages()[0][0].item<double>(), 2);
  ema.swap();
  EXPECT_EQ(p[0].item<double>(), 2);
}

}  // namespace
}  // namespace hearth
// NOLINTEND(bugprone-unchecked-optional-access)
