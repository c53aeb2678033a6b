/// Learning rates over time. Call step() once after each optimizer step, or once an epoch, as the lengths given are
/// counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/optim/optimizer.h"

namespace hearth::optim {

/// How a rate goes from one value to another.
enum class Anneal : uint8_t {
  kCosine,  ///< Along half a cosine. PyTorch: anneal_strategy="cos".
  kLinear,  ///< Along a line.
};

/// Sets the learning rates of an optimizer's groups, and perhaps their momentum, by the number of steps made. What a
/// group had when the schedule was made is its base. The optimizer must outlive the schedule.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  /// Goes one step on.
  void step();
  /// How many steps were made.
  int64_t current_step() const { return step_; }
  /// Goes to any step: resuming is set_step(saved step). Throws Error if it is negative.
  void set_step(int64_t step);
  /// The group's learning rate now.
  double lr(size_t group = 0) const { return optimizer_->lr(group); }

 protected:
  /// Takes the groups' present learning rates and momentums for the bases.
  explicit Scheduler(Optimizer& optimizer);
  /// The learning rate of a group whose own was `base`, `step` steps after the start.
  virtual double lr_at(int64_t step, double base, size_t group) const = 0;
  /// The base from the next step() on, of a group whose own was `base` and whose rate is `present`, `step` steps after
  /// the start.
  virtual double base_of(int64_t, double base, double) const { return base; }
  /// Whether it moves the momentum too.
  virtual bool moves_momentum() const { return false; }
  /// The momentum of a group whose own was `base`, if it moves.
  virtual double momentum_at(int64_t, double base) const { return base; }
  /// The number of groups that it moves.
  size_t groups() const { return base_.size(); }
  friend class SequentialLR;
  friend class ChainedScheduler;

 private:
  Optimizer* optimizer_;
  std::vector<double> base_, base_momentum_;  // of each group
  int64_t step_ = 0;
};

/// The rate falls every `size` steps: base * gamma^(step / size), the quotient rounded down.
class StepLR final : public Scheduler {
 public:
  /// Throws Error unless size >= 1.
  StepLR(Optimizer& o, int64_t size, double gamma = 0.1);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  int64_t size_;
  double gamma_;
};

/// The rate falls at given steps: base * gamma^(milestones reached).
class MultiStepLR final : public Scheduler {
 public:
  /// Milestones are steps, in any order; one that is given twice counts twice. Throws Error if one is negative.
  MultiStepLR(Optimizer& o, std::vector<int64_t> milestones, double gamma = 0.1);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  std::vector<int64_t> milestones_;
  double gamma_;
};

/// The rate falls at every step: base * gamma^step.
class ExponentialLR final : public Scheduler {
 public:
  /// With the factor of each step.
  ExponentialLR(Optimizer& o, double gamma) : Scheduler(o), gamma_(gamma) {}

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  double gamma_;
};

/// base * factor for `length` steps, then base.
class ConstantLR final : public Scheduler {
 public:
  /// Sets the rate of step 0. Throws Error unless length >= 0.
  ConstantLR(Optimizer& o, double factor = 1.0 / 3, int64_t length = 5);

 private:
  double lr_at(int64_t step, double base, size_t) const override { return step < length_ ? base * factor_ : base; }
  double factor_;
  int64_t length_;
};

/// base * (1 - step / length)^power, and 0 after `length` steps.
class PolynomialLR final : public Scheduler {
 public:
  /// Throws Error unless length >= 1.
  PolynomialLR(Optimizer& o, int64_t length, double power = 1);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  int64_t length_;
  double power_;
};

/// From base to `min` along half a cosine of `length` steps (Loshchilov and Hutter, 2017), then back to base along the
/// next half, and so on.
class CosineAnnealingLR final : public Scheduler {
 public:
  /// Throws Error unless length >= 1.
  CosineAnnealingLR(Optimizer& o, int64_t length, double min = 0);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  int64_t length_;
  double min_;
};

/// A factor that goes linearly from `start` to `end` in `length` steps, and stays: warm-up.
class LinearLR final : public Scheduler {
 public:
  /// Sets the rate of step 0. Throws Error unless length >= 1.
  LinearLR(Optimizer& o, int64_t length, double start = 1.0 / 3, double end = 1);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  int64_t length_;
  double start_, end_;
};

/// What gives the factor of a step.
using StepFunction = std::function<double(int64_t step)>;

/// The rate is base * f(step).
class LambdaLR final : public Scheduler {
 public:
  /// f gives the factor of a step, from 0 on. It is called at once, for step 0. Throws Error if it is empty, and where
  /// the optimizer refuses the rate.
  LambdaLR(Optimizer& o, StepFunction f);
  /// The same with a function for each group: LambdaLR(o, {f, g}). Throws Error unless there are as many as groups.
  LambdaLR(Optimizer& o, std::vector<StepFunction> functions);

 private:
  double lr_at(int64_t step, double base, size_t group) const override { return base * functions_[group](step); }
  std::vector<StepFunction> functions_;  // of each group
};

/// The rate is the one before times f(step): base * f(1) * ... * f(step).
class MultiplicativeLR final : public Scheduler {
 public:
  /// f gives the factor of a step, from 1 on. Each step calls it for all steps before: it must always give the same.
  /// Throws Error if it is empty, and where the optimizer refuses the rate.
  MultiplicativeLR(Optimizer& o, StepFunction f);
  /// The same with a function for each group. Throws Error unless there are as many as groups.
  MultiplicativeLR(Optimizer& o, std::vector<StepFunction> functions);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  std::vector<StepFunction> functions_;  // of each group
};

/// Options of OneCycleLR.
struct OneCycleOptions {
  /// The highest learning rate, of all groups.
  double max_lr = 1e-3;
  /// How many steps the cycle has, at least 1: the default is not valid. After the last one the rate stays.
  int64_t total_steps = 0;
  /// The share of the steps in which the rate rises, from 0 to 1. PyTorch: pct_start.
  double warm_up = 0.3;
  /// The rate at the start, as a part of the highest. PyTorch: 1 / div_factor.
  double start_factor = 1.0 / 25;
  /// The rate at the end, as a part of that at the start. PyTorch: 1 / final_div_factor.
  double end_factor = 1e-4;
  /// Whether the momentum moves against the rate.
  bool cycle_momentum = true;
  /// The momentum where the rate is highest.
  double base_momentum = 0.85;
  /// The momentum at the start and at the end.
  double max_momentum = 0.95;
  /// How rate and momentum go. PyTorch: anneal_strategy.
  Anneal anneal = Anneal::kCosine;
  /// The rate falls to that at the start in as many steps as it rises, and then to that at the end, while the momentum
  /// stays. Without it, it falls to that at the end at once.
  bool three_phase = false;
  /// The highest learning rate of each group, in place of max_lr.
  std::vector<double> max_lrs = {};
};
/// Up to max_lr and down again (Smith and Topin, 2018). The defaults are PyTorch's.
class OneCycleLR final : public Scheduler {
 public:
  /// Sets the rate of step 0. Throws Error unless total_steps >= 1, warm_up is from 0 to 1, and neither rates, factors
  /// nor momentums are negative, and if there are max_lrs, but not one for each group.
  OneCycleLR(Optimizer& o, OneCycleOptions options);

 private:
  // A way from one value to the other: rates as parts of the highest, and momentums.
  struct Way {
    double end;  // its last step
    double lr_from, lr_to;
    double momentum_from, momentum_to;
  };
  // The way on which a step is, and how much of it lies behind.
  std::pair<const Way&, double> way_at(int64_t step) const;
  double between(double from, double to, double share) const;
  double lr_at(int64_t step, double base, size_t group) const override;
  bool moves_momentum() const override { return o_.cycle_momentum; }
  double momentum_at(int64_t step, double base) const override;
  OneCycleOptions o_;
  std::vector<Way> ways_;
};

/// One scheduler after the other: the next takes over at each milestone and counts from there. The momentum stays where
/// the last one that moves it has left it; before that it is the optimizer's own.
class SequentialLR final : public Scheduler {
 public:
  /// Milestones are the steps at which the second and later schedulers begin. The bases are those of the first
  /// scheduler. Sets the rate of step 0. Where two are equal, the scheduler between them has no step. Throws Error
  /// unless there is a scheduler and one milestone fewer, for a milestone that is negative or smaller than the one
  /// before, and for a scheduler that is null or of another optimizer.
  SequentialLR(Optimizer& o, std::vector<std::unique_ptr<Scheduler>> schedulers, std::vector<int64_t> milestones);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  bool moves_momentum() const override;
  double momentum_at(int64_t step, double base) const override;
  size_t active(int64_t step) const;
  int64_t start(size_t scheduler) const { return scheduler == 0 ? 0 : milestones_[scheduler - 1]; }
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<int64_t> milestones_;
};

/// Several schedulers at once: each multiplies the rate by what it would make of the base, so that the rate is base
/// times the product of their factors. The momentum is that of the last one that moves it.
class ChainedScheduler final : public Scheduler {
 public:
  /// The bases are those of the first scheduler. Sets the rate of step 0. Throws Error if there is no scheduler, and
  /// for one that is null or of another optimizer.
  ChainedScheduler(Optimizer& o, std::vector<std::unique_ptr<Scheduler>> schedulers);

 private:
  double lr_at(int64_t step, double base, size_t group) const override;
  bool moves_momentum() const override;
  double momentum_at(int64_t step, double base) const override;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
};

}  // namespace hearth::optim
