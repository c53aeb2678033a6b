// Schedules against PyTorch.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "core/ops/create.h"
#include "core/optim/optim.h"
#include "core/testing/error_of.h"

namespace hearth {
namespace {

using testing::error_of;

#include "tests/core/optim/scheduler_golden.inc"

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

TEST(Scheduler, SchedulesAsPyTorch) {
  using namespace optim;
  check_scheduler(
      [](Optimizer& o) { return std::make_unique<OneCycleLR>(o, OneCycleOptions{.max_lr = 0.8, .total_steps = 10}); },
      kGoldenLrOneCycle);
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingLR>(o, 9); }, kGoldenLrCosine);
  check_scheduler([](Optimizer& o) { return std::make_unique<StepLR>(o, 4, 0.5); }, kGoldenLrStep);
  check_scheduler([](Optimizer& o) { return std::make_unique<LinearLR>(o, 5, 0.2); }, kGoldenLrLinear);
}

TEST(Scheduler, SequencesMoveTheMomentumAsPyTorch) {
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

TEST(Scheduler, RefusesWhatItCannotDo) {
  using namespace optim;
  SGD opt({zeros({1}, {.requires_grad = true})}, {.lr = 0.5});
  EXPECT_EQ(error_of([&] { SequentialLR(opt, {}, {}); }), "SequentialLR: there are no schedulers");
  const auto two = [&] {
    std::vector<std::unique_ptr<Scheduler>> all;
    all.push_back(std::make_unique<StepLR>(opt, 2));
    all.push_back(std::make_unique<StepLR>(opt, 2));
    return all;
  };
  EXPECT_EQ(error_of([&] { SequentialLR(opt, two(), {}); }),
            "SequentialLR: 2 schedulers need 1 milestones, but 0 were given");
  EXPECT_EQ(error_of([&] { SequentialLR(opt, two(), {-1}); }),
            "SequentialLR: the milestones must neither fall nor be negative");
  EXPECT_EQ(error_of([&] { LambdaLR(opt, nullptr); }), "LambdaLR: there is no function");
  EXPECT_EQ(error_of([&] { LambdaLR(opt, [](int64_t step) { return step == 0 ? 1.0 : -1.0; }).step(); }),
            "SGD: lr, momentum and weight_decay must not be negative, but are -0.5, 0 and 0");
  EXPECT_EQ(error_of([&] { OneCycleLR(opt, {.total_steps = 5, .end_factor = -1}); }),
            "OneCycleLR: end_factor must not be negative, but is -1");
  EXPECT_EQ(error_of([&] { OneCycleLR(opt, {.max_lr = std::nan(""), .total_steps = 5}); }),
            "OneCycleLR: max_lr must not be negative, but is nan");
}

// PyTorch's: the scheduler between two equal milestones has no step.
TEST(Scheduler, EqualMilestonesSkipAScheduler) {
  using namespace optim;
  SGD opt({zeros({1}, {.requires_grad = true})}, {.lr = 1});
  std::vector<std::unique_ptr<Scheduler>> all;
  for (const double gamma : {0.5, 0.25, 0.1}) all.push_back(std::make_unique<StepLR>(opt, 1, gamma));
  SequentialLR s(opt, std::move(all), {2, 2});
  for (const double want : {1.0, 0.5, 1.0, 0.1}) {
    EXPECT_NEAR(opt.lr(), want, 1e-15) << s.current_step();
    s.step();
  }
}

}  // namespace
}  // namespace hearth
