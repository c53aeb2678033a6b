#include "core/optim/cyclic.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/error.h"

namespace hearth::optim {

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& o, int64_t length, int64_t mult, double min)
    : Scheduler(o), length_(length), mult_(mult), min_(min) {
  HEARTH_CHECK(length >= 1 && mult >= 1, "CosineAnnealingWarmRestarts: length and mult must be at least 1, but are ",
               length, " and ", mult);
}
double CosineAnnealingWarmRestarts::lr_at(int64_t step, double base, size_t) const {
  int64_t length = length_;
  if (mult_ == 1) {
    step %= length;
  } else {
    while (step >= length) {
      step -= length;
      // The next one has no end.
      if (length > std::numeric_limits<int64_t>::max() / mult_) length = std::numeric_limits<int64_t>::max();
      else length *= mult_;
    }
  }
  const double share = static_cast<double>(step) / static_cast<double>(length);
  return min_ + (base - min_) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

CyclicLR::CyclicLR(Optimizer& o, const CyclicOptions& options) : Scheduler(o), o_(options) {
  HEARTH_CHECK(options.step_size_up >= 1 && options.step_size_down.value_or(1) >= 1,
               "CyclicLR: step_size_up and step_size_down must be at least 1, but are ", options.step_size_up, " and ",
               options.step_size_down.value_or(options.step_size_up));
  HEARTH_CHECK(options.base_lr >= 0 && options.max_lr >= 0 && options.base_momentum >= 0 && options.max_momentum >= 0,
               "CyclicLR: rates and momentums must not be negative, but are ", options.base_lr, ", ", options.max_lr,
               ", ", options.base_momentum, " and ", options.max_momentum);
  set_step(0);
}
double CyclicLR::height(int64_t step) const {
  const auto up = static_cast<double>(o_.step_size_up),
             down = static_cast<double>(o_.step_size_down.value_or(o_.step_size_up));
  const double all = up + down, cycle = std::floor(static_cast<double>(step) / all);
  const double at = static_cast<double>(step) - cycle * all;
  const double scale = at <= up ? at / up : (all - at) / down;
  switch (o_.mode) {
    case CyclicOptions::Mode::kTriangular2:
      return scale / std::pow(2.0, cycle);
    case CyclicOptions::Mode::kExpRange:
      return scale * std::pow(o_.gamma, static_cast<double>(step));
    default:
      return scale;
  }
}
double CyclicLR::lr_at(int64_t step, double, size_t) const {
  return o_.base_lr + (o_.max_lr - o_.base_lr) * height(step);
}
double CyclicLR::momentum_at(int64_t step, double) const {
  return o_.max_momentum - (o_.max_momentum - o_.base_momentum) * height(step);
}

}  // namespace hearth::optim
