// Learning rates over time. Call step() once after each optimizer step, or once an epoch, as the lengths given are
// counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/optim/optimizer.h"

namespace hearth::optim {

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  void step() { set_step(step_ + 1); }
  int64_t current_step() const { return step_; }
  // Goes to any step: resuming is set_step(saved step).
  void set_step(int64_t step);
  double lr(size_t group = 0) const { return optimizer_->lr(group); }

 protected:
  explicit Scheduler(Optimizer& optimizer);
  // The learning rate of a group whose own was `base`, `step` steps after the start.
  virtual double lr_at(int64_t step, double base) const = 0;
  // Whether it moves the momentum too, and then the momentum likewise, of a group whose own was `base`.
  virtual bool moves_momentum() const { return false; }
  virtual double momentum_at(int64_t, double base) const { return base; }
  friend class SequentialLR;

 private:
  Optimizer* optimizer_;
  std::vector<double> base_, base_momentum_;  // of each group
  int64_t step_ = 0;
};

// base * gamma^(step / size)
class StepLR final : public Scheduler {
 public:
  StepLR(Optimizer& o, int64_t size, double gamma = 0.1);

 private:
  double lr_at(int64_t step, double base) const override;
  int64_t size_;
  double gamma_;
};

// From base to `min` along half a cosine of `length` steps (Loshchilov and Hutter, 2017).
class CosineAnnealingLR final : public Scheduler {
 public:
  CosineAnnealingLR(Optimizer& o, int64_t length, double min = 0);

 private:
  double lr_at(int64_t step, double base) const override;
  int64_t length_;
  double min_;
};

// A factor that goes linearly from `start` to `end` in `length` steps, and stays: warm-up.
class LinearLR final : public Scheduler {
 public:
  LinearLR(Optimizer& o, int64_t length, double start = 1.0 / 3, double end = 1);

 private:
  double lr_at(int64_t step, double base) const override;
  int64_t length_;
  double start_, end_;
};

// base * f(step)
class LambdaLR final : public Scheduler {
 public:
  LambdaLR(Optimizer& o, std::function<double(int64_t)> f);

 private:
  double lr_at(int64_t step, double base) const override { return base * f_(step); }
  std::function<double(int64_t)> f_;
};

struct OneCycleOptions {
  double max_lr = 1e-3;
  int64_t total_steps = 0;
  double warm_up = 0.3;            // share of the steps in which the rate rises
  double start_factor = 1.0 / 25;  // of max_lr
  double end_factor = 1e-4;        // of the rate at the start
  bool cycle_momentum = true;      // against the rate, between these:
  double base_momentum = 0.85, max_momentum = 0.95;
};
// Up to max_lr and down again along cosines (Smith and Topin, 2018).
class OneCycleLR final : public Scheduler {
 public:
  OneCycleLR(Optimizer& o, const OneCycleOptions& options);

 private:
  double lr_at(int64_t step, double base) const override;
  bool moves_momentum() const override { return o_.cycle_momentum; }
  double momentum_at(int64_t step, double base) const override;
  OneCycleOptions o_;
};

// One scheduler after the other: the next takes over at each milestone and counts from there. The momentum stays where
// the last one that moves it has left it; before that it is the optimizer's own.
class SequentialLR final : public Scheduler {
 public:
  SequentialLR(Optimizer& o, std::vector<std::unique_ptr<Scheduler>> schedulers, std::vector<int64_t> milestones);

 private:
  double lr_at(int64_t step, double base) const override;
  bool moves_momentum() const override;
  double momentum_at(int64_t step, double base) const override;
  size_t active(int64_t step) const;
  int64_t start(size_t scheduler) const { return scheduler == 0 ? 0 : milestones_[scheduler - 1]; }
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<int64_t> milestones_;
};

}  // namespace hearth::optim
