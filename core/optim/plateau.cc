#include "core/optim/plateau.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/error.h"
#include "core/ops/create.h"

namespace hearth::optim {

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, PlateauOptions options)
    : optimizer_(&optimizer),
      o_(std::move(options)),
      best_(o_.maximize ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity()) {
  HEARTH_CHECK(o_.factor >= 0 && o_.factor < 1, "ReduceLROnPlateau: factor must be in [0, 1), but is ", o_.factor);
  HEARTH_CHECK(o_.patience >= 0 && o_.cooldown >= 0,
               "ReduceLROnPlateau: patience and cooldown must not be negative, but are ", o_.patience, " and ",
               o_.cooldown);
  HEARTH_CHECK(o_.threshold >= 0 && o_.min_lr >= 0 && o_.eps >= 0,
               "ReduceLROnPlateau: threshold, min_lr and eps must not be negative, but are ", o_.threshold, ", ",
               o_.min_lr, " and ", o_.eps);
  if (o_.min_lrs.empty()) return;
  HEARTH_CHECK(o_.min_lrs.size() == optimizer.groups(), "ReduceLROnPlateau: there are ", o_.min_lrs.size(),
               " min_lrs for ", optimizer.groups(), " groups of parameters");
  for (const double lr : o_.min_lrs)
    HEARTH_CHECK(lr >= 0, "ReduceLROnPlateau: min_lrs must not be negative, but one is ", lr);
}

bool ReduceLROnPlateau::better(double value) const {
  if (o_.maximize) return value > (o_.relative_threshold ? best_ * (1 + o_.threshold) : best_ + o_.threshold);
  return value < (o_.relative_threshold ? best_ * (1 - o_.threshold) : best_ - o_.threshold);
}

void ReduceLROnPlateau::step(double value) {
  if (better(value)) {
    best_ = value;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ <= o_.patience) return;
  for (size_t g = 0; g < optimizer_->groups(); ++g) {
    // A group that was added since has the floor of all.
    const double floor = g < o_.min_lrs.size() ? o_.min_lrs[g] : o_.min_lr;
    const double old = optimizer_->lr(g), lowered = std::max(old * o_.factor, floor);
    if (old - lowered > o_.eps) optimizer_->set_lr(lowered, g);
  }
  cooling_ = o_.cooldown;
  bad_ = 0;
}

Optimizer::StateDict ReduceLROnPlateau::state_dict() const {
  const TensorOptions on_cpu{.device = kCpu};
  return {{"best", from_values(std::vector<double>{best_}, {}, on_cpu)},
          {"bad_steps", from_values(std::vector<int64_t>{bad_}, {}, on_cpu)},
          {"cooldown", from_values(std::vector<int64_t>{cooling_}, {}, on_cpu)}};
}

void ReduceLROnPlateau::load_state_dict(const Optimizer::StateDict& state) {
  const auto number = [&](const char* name, DType dtype) {
    const auto it = state.find(name);
    HEARTH_CHECK(it != state.end() && it->second.defined(), "ReduceLROnPlateau: the state has no \"", name, "\"");
    HEARTH_CHECK(it->second.dtype() == dtype && it->second.numel() == 1, "ReduceLROnPlateau: \"", name,
                 "\" must be one number of ", dtype, ", but is ", it->second.dtype(), " ", it->second.shape());
    return it->second;
  };
  for (const auto& [name, t] : state) {
    HEARTH_CHECK(name == "best" || name == "bad_steps" || name == "cooldown",
                 "ReduceLROnPlateau: the state has an unexpected \"", name, "\"");
  }
  const double best = number("best", f64).item<double>();
  const int64_t bad = number("bad_steps", i64).item<int64_t>(), cooling = number("cooldown", i64).item<int64_t>();
  HEARTH_CHECK(bad >= 0 && cooling >= 0, "ReduceLROnPlateau: bad_steps and cooldown must not be negative, but are ",
               bad, " and ", cooling);
  best_ = best;
  bad_ = bad;
  cooling_ = cooling;
}

}  // namespace hearth::optim
