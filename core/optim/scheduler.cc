#include "core/optim/scheduler.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <utility>

#include "core/base/error.h"

namespace hearth::optim {
namespace {

// From a to b along half a cosine.
double cosine(double a, double b, double share) { return b + (a - b) * (1 + std::cos(std::numbers::pi * share)) / 2; }

}  // namespace

Scheduler::Scheduler(Optimizer& optimizer) : optimizer_(&optimizer) {
  for (size_t g = 0; g < optimizer.groups(); ++g) {
    base_.push_back(optimizer.lr(g));
    base_momentum_.push_back(optimizer.momentum(g));
  }
}

void Scheduler::step() {
  for (size_t g = 0; g < base_.size(); ++g) base_[g] = base_of(step_, base_[g], optimizer_->lr(g));
  set_step(step_ + 1);
}

void Scheduler::set_step(int64_t step) {
  HEARTH_CHECK(step >= 0, "scheduler: the step must not be negative, but is ", step);
  step_ = step;
  for (size_t g = 0; g < base_.size(); ++g) {
    optimizer_->set_lr(lr_at(step, base_[g]), g);
    if (moves_momentum()) optimizer_->set_momentum(momentum_at(step, base_momentum_[g]), g);
  }
}

StepLR::StepLR(Optimizer& o, int64_t size, double gamma) : Scheduler(o), size_(size), gamma_(gamma) {
  HEARTH_CHECK(size >= 1, "StepLR: the size must be at least 1, but is ", size);
}
double StepLR::lr_at(int64_t step, double base) const {
  const int64_t falls = step / size_;
  return base * std::pow(gamma_, static_cast<double>(falls));
}

MultiStepLR::MultiStepLR(Optimizer& o, std::vector<int64_t> milestones, double gamma)
    : Scheduler(o), milestones_(std::move(milestones)), gamma_(gamma) {
  std::ranges::sort(milestones_);
  HEARTH_CHECK(milestones_.empty() || milestones_[0] >= 0, "MultiStepLR: a milestone must not be negative, but one is ",
               milestones_[0]);
  set_step(0);
}
double MultiStepLR::lr_at(int64_t step, double base) const {
  const auto reached = std::ranges::upper_bound(milestones_, step) - milestones_.begin();
  return base * std::pow(gamma_, static_cast<double>(reached));
}

double ExponentialLR::lr_at(int64_t step, double base) const {
  return base * std::pow(gamma_, static_cast<double>(step));
}

ConstantLR::ConstantLR(Optimizer& o, double factor, int64_t length) : Scheduler(o), factor_(factor), length_(length) {
  HEARTH_CHECK(length >= 0, "ConstantLR: the length must not be negative, but is ", length);
  set_step(0);
}

PolynomialLR::PolynomialLR(Optimizer& o, int64_t length, double power) : Scheduler(o), length_(length), power_(power) {
  HEARTH_CHECK(length >= 1, "PolynomialLR: the length must be at least 1, but is ", length);
}
double PolynomialLR::lr_at(int64_t step, double base) const {
  return base * std::pow(1 - static_cast<double>(std::min(step, length_)) / static_cast<double>(length_), power_);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& o, int64_t length, double min)
    : Scheduler(o), length_(length), min_(min) {
  HEARTH_CHECK(length >= 1, "CosineAnnealingLR: the length must be at least 1, but is ", length);
}
double CosineAnnealingLR::lr_at(int64_t step, double base) const {
  return cosine(base, min_, static_cast<double>(std::min(step, length_)) / static_cast<double>(length_));
}

LinearLR::LinearLR(Optimizer& o, int64_t length, double start, double end)
    : Scheduler(o), length_(length), start_(start), end_(end) {
  HEARTH_CHECK(length >= 1, "LinearLR: the length must be at least 1, but is ", length);
  set_step(0);
}
double LinearLR::lr_at(int64_t step, double base) const {
  return base *
         (start_ + (end_ - start_) * static_cast<double>(std::min(step, length_)) / static_cast<double>(length_));
}

LambdaLR::LambdaLR(Optimizer& o, std::function<double(int64_t)> f) : Scheduler(o), f_(std::move(f)) {
  HEARTH_CHECK(f_, "LambdaLR: there is no function");
  set_step(0);
}

MultiplicativeLR::MultiplicativeLR(Optimizer& o, std::function<double(int64_t)> f) : Scheduler(o), f_(std::move(f)) {
  HEARTH_CHECK(f_, "MultiplicativeLR: there is no function");
}
double MultiplicativeLR::lr_at(int64_t step, double base) const {
  for (int64_t t = 1; t <= step; ++t) base *= f_(t);
  return base;
}

OneCycleLR::OneCycleLR(Optimizer& o, const OneCycleOptions& options) : Scheduler(o), o_(options) {
  HEARTH_CHECK(options.total_steps >= 1, "OneCycleLR: total_steps must be at least 1, but is ", options.total_steps);
  HEARTH_CHECK(options.warm_up >= 0 && options.warm_up <= 1, "OneCycleLR: warm_up must be from 0 to 1, but is ",
               options.warm_up);
  for (const auto& [option, value] :
       std::initializer_list<std::pair<const char*, double>>{{"max_lr", options.max_lr},
                                                             {"start_factor", options.start_factor},
                                                             {"end_factor", options.end_factor},
                                                             {"base_momentum", options.base_momentum},
                                                             {"max_momentum", options.max_momentum}})
    HEARTH_CHECK(value >= 0, "OneCycleLR: ", option, " must not be negative, but is ", value);
  set_step(0);
}
namespace {
// The step of the peak; below 0 where the fall has begun before the first step, as in PyTorch.
double warm_up_end(const OneCycleOptions& o) { return o.warm_up * static_cast<double>(o.total_steps) - 1; }
}  // namespace
double OneCycleLR::lr_at(int64_t step, double) const {
  const double top = warm_up_end(o_), end = static_cast<double>(o_.total_steps - 1);
  const double at = std::min(static_cast<double>(step), end), low = o_.max_lr * o_.start_factor;
  if (at <= top && top > 0) return cosine(low, o_.max_lr, at / top);
  return cosine(o_.max_lr, low * o_.end_factor, (at - top) / std::max(end - top, 1e-9));
}
double OneCycleLR::momentum_at(int64_t step, double) const {
  const double top = warm_up_end(o_), end = static_cast<double>(o_.total_steps - 1);
  const double at = std::min(static_cast<double>(step), end);
  if (at <= top && top > 0) return cosine(o_.max_momentum, o_.base_momentum, at / top);
  return cosine(o_.base_momentum, o_.max_momentum, (at - top) / std::max(end - top, 1e-9));
}

SequentialLR::SequentialLR(Optimizer& o, std::vector<std::unique_ptr<Scheduler>> schedulers,
                           std::vector<int64_t> milestones)
    : Scheduler(o), schedulers_(std::move(schedulers)), milestones_(std::move(milestones)) {
  HEARTH_CHECK(!schedulers_.empty(), "SequentialLR: there are no schedulers");
  HEARTH_CHECK(schedulers_.size() == milestones_.size() + 1, "SequentialLR: ", schedulers_.size(), " schedulers need ",
               schedulers_.size() - 1, " milestones, but ", milestones_.size(), " were given");
  for (const auto& s : schedulers_) {
    HEARTH_CHECK(s, "SequentialLR: a scheduler is null");
    HEARTH_CHECK(s->optimizer_ == &o, "SequentialLR: a scheduler belongs to another optimizer");
  }
  HEARTH_CHECK(std::is_sorted(milestones_.begin(), milestones_.end()) && (milestones_.empty() || milestones_[0] >= 0),
               "SequentialLR: the milestones must neither fall nor be negative");
  // What the first scheduler started from is the base of all.
  base_ = schedulers_[0]->base_;
  base_momentum_ = schedulers_[0]->base_momentum_;
  set_step(0);
}
size_t SequentialLR::active(int64_t step) const {
  return static_cast<size_t>(std::upper_bound(milestones_.begin(), milestones_.end(), step) - milestones_.begin());
}
double SequentialLR::lr_at(int64_t step, double base) const {
  const size_t at = active(step);
  return schedulers_[at]->lr_at(step - start(at), base);
}
bool SequentialLR::moves_momentum() const {
  return std::any_of(schedulers_.begin(), schedulers_.end(), [](const auto& s) { return s->moves_momentum(); });
}
double SequentialLR::momentum_at(int64_t step, double base) const {
  int64_t until = step;  // the last step of each scheduler, from the running one back
  for (size_t at = active(step) + 1; at-- > 0; until = start(at) - 1) {
    if (until >= start(at) && schedulers_[at]->moves_momentum())
      return schedulers_[at]->momentum_at(until - start(at), base);
  }
  return base;
}

ChainedScheduler::ChainedScheduler(Optimizer& o, std::vector<std::unique_ptr<Scheduler>> schedulers)
    : Scheduler(o), schedulers_(std::move(schedulers)) {
  HEARTH_CHECK(!schedulers_.empty(), "ChainedScheduler: there are no schedulers");
  for (const auto& s : schedulers_) {
    HEARTH_CHECK(s, "ChainedScheduler: a scheduler is null");
    HEARTH_CHECK(s->optimizer_ == &o, "ChainedScheduler: a scheduler belongs to another optimizer");
  }
  // What the first scheduler started from is the base of all.
  base_ = schedulers_[0]->base_;
  base_momentum_ = schedulers_[0]->base_momentum_;
  set_step(0);
}
double ChainedScheduler::lr_at(int64_t step, double base) const {
  if (base == 0) return 0;
  double out = base;
  for (const auto& s : schedulers_) out *= s->lr_at(step, base) / base;
  return out;
}
bool ChainedScheduler::moves_momentum() const {
  return std::ranges::any_of(schedulers_, [](const auto& s) { return s->moves_momentum(); });
}
double ChainedScheduler::momentum_at(int64_t step, double base) const {
  for (auto s = schedulers_.rbegin(); s != schedulers_.rend(); ++s) {
    if ((*s)->moves_momentum()) return (*s)->momentum_at(step, base);
  }
  return base;
}

}  // namespace hearth::optim
