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
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingLR>(o, 3, 0.1); }, kGoldenLrCosineAgain);
  check_scheduler([](Optimizer& o) { return std::make_unique<StepLR>(o, 4, 0.5); }, kGoldenLrStep);
  check_scheduler([](Optimizer& o) { return std::make_unique<LinearLR>(o, 5, 0.2); }, kGoldenLrLinear);
  check_scheduler(
      [](Optimizer& o) {
        return std::make_unique<MultiStepLR>(o, std::vector<int64_t>{5, 2, 7, 5}, 0.5);
      },
      kGoldenLrMultiStep);
  check_scheduler([](Optimizer& o) { return std::make_unique<ExponentialLR>(o, 0.8); }, kGoldenLrExponential);
  check_scheduler([](Optimizer& o) { return std::make_unique<ConstantLR>(o, 0.25, 4); }, kGoldenLrConstant);
  check_scheduler([](Optimizer& o) { return std::make_unique<PolynomialLR>(o, 6, 2.5); }, kGoldenLrPolynomial);
  check_scheduler(
      [](Optimizer& o) {
        return std::make_unique<MultiplicativeLR>(o, [](int64_t t) { return 1 - 0.05 * static_cast<double>(t); });
      },
      kGoldenLrMultiplicative);
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingWarmRestarts>(o, 2, 2, 0.1); },
                  kGoldenLrRestarts);
  check_scheduler([](Optimizer& o) { return std::make_unique<CosineAnnealingWarmRestarts>(o, 4); }, kGoldenLrRestarts1);
}

TEST(Scheduler, OneCyclesAsPyTorch) {
  using namespace optim;
  const auto cycle = [](const OneCycleOptions& options) {
    return [=](Optimizer& o) { return std::make_unique<OneCycleLR>(o, options); };
  };
  check_scheduler(cycle({.max_lr = 0.8, .total_steps = 10, .warm_up = 0.35, .anneal = Anneal::kLinear}),
                  kGoldenLrOneCycleLinear);
  check_scheduler(cycle({.max_lr = 0.8,
                         .total_steps = 10,
                         .warm_up = 0.35,
                         .start_factor = 0.1,
                         .end_factor = 0.01,
                         .three_phase = true}),
                  kGoldenLrOneCycleThree);
  check_scheduler(cycle({.max_lr = 0.8, .total_steps = 10, .anneal = Anneal::kLinear, .three_phase = true}),
                  kGoldenLrOneCycleThreeLinear);
}

TEST(Scheduler, GroupsGoTheirOwnWaysAsPyTorch) {
  using namespace optim;
  const auto groups = [] {
    auto o = std::make_unique<SGD>(Parameters{zeros({1}, {.requires_grad = true})}, SGDOptions{.lr = 0.5});
    o->add_group({zeros({1}, {.requires_grad = true})}, {.lr = 0.3});
    return o;
  };
  const auto check = [&](auto make, const std::vector<double>& want) {
    const auto o = groups();
    auto s = make(*o);
    for (size_t i = 0; i < want.size() / 2; ++i, s->step()) {
      for (size_t g = 0; g < 2; ++g) EXPECT_NEAR(o->lr(g), want[2 * i + g], 1e-12) << "step " << i << ", group " << g;
    }
  };
  const std::vector<StepFunction> functions{[](int64_t t) { return 1 / (1 + static_cast<double>(t)); },
                                            [](int64_t t) { return 1 - 0.1 * static_cast<double>(t); }};
  check(
      [](Optimizer& o) {
        return std::make_unique<OneCycleLR>(
            o, OneCycleOptions{.total_steps = 5, .cycle_momentum = false, .max_lrs = {0.8, 0.2}});
      },
      kGoldenGroupsOneCycle);
  check([&](Optimizer& o) { return std::make_unique<LambdaLR>(o, functions); }, kGoldenGroupsLambda);
  check([&](Optimizer& o) { return std::make_unique<MultiplicativeLR>(o, functions); }, kGoldenGroupsMultiplicative);
  // Inside of others too.
  check(
      [&](Optimizer& o) {
        std::vector<std::unique_ptr<Scheduler>> one;
        one.push_back(std::make_unique<LambdaLR>(o, functions));
        return std::make_unique<ChainedScheduler>(o, std::move(one));
      },
      kGoldenGroupsLambda);
  check(
      [&](Optimizer& o) {
        std::vector<std::unique_ptr<Scheduler>> both;
        both.push_back(std::make_unique<LambdaLR>(o, functions));
        both.push_back(std::make_unique<StepLR>(o, 1));
        return std::make_unique<SequentialLR>(o, std::move(both), std::vector<int64_t>{100});
      },
      kGoldenGroupsLambda);
  const auto o = groups();
  ReduceLROnPlateau plateau(*o, {.patience = 1, .min_lrs = {0.01, 0.1}});
  const std::vector<double> values{3, 2, 2, 1.9999, 2, 2, 2, NAN};
  for (size_t i = 0; i < values.size(); ++i) {
    plateau.step(values[i]);
    for (size_t g = 0; g < 2; ++g) EXPECT_NEAR(o->lr(g), kGoldenGroupsPlateau[2 * i + g], 1e-15) << i;
  }
  EXPECT_EQ(error_of([&] {
              LambdaLR(*o, {functions[0], functions[0], functions[0]});
            }),
            "LambdaLR: there are 3 functions for 2 groups of parameters");
  EXPECT_EQ(error_of([&] { MultiplicativeLR(*o, {functions[0], nullptr}); }), "MultiplicativeLR: there is no function");
  EXPECT_EQ(error_of([&] { OneCycleLR(*o, {.total_steps = 5, .max_lrs = {0.1}}); }),
            "OneCycleLR: there are 1 max_lrs for 2 groups of parameters");
  EXPECT_EQ(error_of([&] {
              ReduceLROnPlateau(*o, {.min_lrs = {0.1, -1}});
            }),
            "ReduceLROnPlateau: min_lrs must not be negative, but one is -1");
}

TEST(Scheduler, CyclesAndChainsAsPyTorch) {
  using namespace optim;
  using Mode = CyclicOptions::Mode;
  const auto cyclic = [](const CyclicOptions& options) {
    return [=](Optimizer& o) { return std::make_unique<CyclicLR>(o, options); };
  };
  check_scheduler(cyclic({.base_lr = 0.1, .max_lr = 0.6, .step_size_up = 2, .step_size_down = 3}), kGoldenLrCyclic);
  check_scheduler(cyclic({.base_lr = 0.1, .max_lr = 0.6, .step_size_up = 2, .mode = Mode::kTriangular2}),
                  kGoldenLrCyclic2);
  check_scheduler(cyclic({.base_lr = 0.1,
                          .max_lr = 0.6,
                          .step_size_up = 3,
                          .step_size_down = 1,
                          .mode = Mode::kExpRange,
                          .gamma = 0.9,
                          .cycle_momentum = false}),
                  kGoldenLrCyclicExp);
  check_scheduler(
      [](Optimizer& o) {
        // Made first, as the schedule that sets the rate of step 0 must not be the base of the other.
        std::vector<std::unique_ptr<Scheduler>> both;
        both.push_back(std::make_unique<ExponentialLR>(o, 0.9));
        both.push_back(std::make_unique<ConstantLR>(o, 0.1, 3));
        return std::make_unique<ChainedScheduler>(o, std::move(both));
      },
      kGoldenLrChained);
}

TEST(Scheduler, ACycleThatIsTooLongToCountDoesNotEnd) {
  optim::SGD opt({zeros({1}, {.requires_grad = true})}, {.lr = 1});
  optim::CosineAnnealingWarmRestarts s(opt, 10, int64_t{1} << 62);
  for (const int64_t step : {15, 20, 30, 1000}) {
    s.set_step(step);
    EXPECT_NEAR(opt.lr(), 1, 1e-9) << step;
  }
}

TEST(Scheduler, APlateauLowersTheRateAsPyTorch) {
  const std::vector<double> values{3, 2, 2, 1.9999, 2, 2, 2, NAN, 1, 1, 1.2, 1.1, 1, 1, 1, 1};
  const auto check_plateau = [&](const optim::PlateauOptions& options, const std::vector<double>& want) {
    optim::SGD opt({zeros({1}, {.requires_grad = true})}, {.lr = 0.5});
    auto plateau = std::make_unique<optim::ReduceLROnPlateau>(opt, options);
    for (size_t i = 0; i < values.size(); ++i) {
      if (i == values.size() / 2) {  // goes on from its state
        const auto state = plateau->state_dict();
        plateau = std::make_unique<optim::ReduceLROnPlateau>(opt, options);
        plateau->load_state_dict(state);
      }
      plateau->step(values[i]);
      EXPECT_NEAR(opt.lr(), want[i], 1e-15) << i;
    }
  };
  check_plateau({.factor = 0.5, .patience = 2}, kGoldenPlateau);
  check_plateau({.maximize = true,
                 .factor = 0.25,
                 .patience = 1,
                 .threshold = 0.5,
                 .relative_threshold = false,
                 .cooldown = 2,
                 .min_lr = 0.01},
                kGoldenPlateauAll);
  optim::SGD opt({zeros({1}, {.requires_grad = true})}, {.lr = 0.5});
  EXPECT_EQ(error_of([&] { optim::ReduceLROnPlateau(opt, {.factor = 1}); }),
            "ReduceLROnPlateau: factor must be in [0, 1), but is 1");
  optim::ReduceLROnPlateau plateau(opt);
  EXPECT_EQ(error_of([&] { plateau.load_state_dict({}); }), "ReduceLROnPlateau: the state has no \"best\"");
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
