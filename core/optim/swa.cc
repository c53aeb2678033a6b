#include "core/optim/swa.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"

namespace hearth::optim {
namespace {

void check_decay(double decay) {
  HEARTH_CHECK(decay >= 0 && decay <= 1, "averages: the decay must be from 0 to 1, but is ", decay);
}

// From one towards the other by a share.
Tensor between(const Tensor& from, const Tensor& to, double share) {
  return from.is_complex() ? from + (to - from) * share : lerp(from, to, share);
}
void go(std::span<Tensor> from, std::span<const Tensor> to, double share) {
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i].is_complex()) from[i].copy_(between(from[i], to[i], share));
    else from[i].lerp_(to[i], share);
  }
}
double share_of_next(int64_t count) { return 1 / static_cast<double>(count + 1); }

}  // namespace

AveragingFunction get_ema_avg_fn(double decay) {
  check_decay(decay);
  return
      [decay](const Tensor& average, const Tensor& current, int64_t) { return between(average, current, 1 - decay); };
}
AveragingFunction get_swa_avg_fn() {
  return [](const Tensor& average, const Tensor& current, int64_t count) {
    return between(average, current, share_of_next(count));
  };
}
MultiAveragingFunction get_ema_multi_avg_fn(double decay) {
  check_decay(decay);
  return [decay](std::span<Tensor> averages, std::span<const Tensor> current, int64_t) {
    go(averages, current, 1 - decay);
  };
}
MultiAveragingFunction get_swa_multi_avg_fn() {
  return [](std::span<Tensor> averages, std::span<const Tensor> current, int64_t count) {
    go(averages, current, share_of_next(count));
  };
}

AveragedTensors::AveragedTensors(std::vector<Tensor> tensors, MultiAveragingFunction rule)
    : held_(std::move(tensors)), rule_(std::move(rule)) {
  HEARTH_CHECK(rule_, "AveragedTensors: there is no rule");
}

void AveragedTensors::update() {
  held_.update(rule_, count_);
  ++count_;
}

std::map<std::string, Tensor> AveragedTensors::state_dict() const {
  auto out = held_.state_dict();
  out["count"] = scalar_tensor(count_, {.dtype = i64, .device = kCpu});
  return out;
}

void AveragedTensors::load_state_dict(const std::map<std::string, Tensor>& state) {
  auto averages = state;
  const auto count = averages.extract("count");
  HEARTH_CHECK(
      !count.empty() && count.mapped().defined() && count.mapped().dtype() == i64 && count.mapped().numel() == 1,
      "AveragedTensors: the state does not fit: 'count' must be one i64");
  const int64_t taken = count.mapped().item<int64_t>();
  HEARTH_CHECK(taken >= 0, "AveragedTensors: the state does not fit: 'count' is ", taken);
  held_.load_state_dict("AveragedTensors", averages);
  count_ = taken;
}

SWALR::SWALR(Optimizer& o, double swa_lr, int64_t length, Anneal anneal)
    : Scheduler(o), swa_lr_(swa_lr), length_(length), anneal_(anneal) {
  HEARTH_CHECK(length >= 0, "SWALR: the length must not be negative, but is ", length);
  set_step(0);
}

double SWALR::share(int64_t step) const {
  const double t = length_ == 0 ? 1 : std::clamp(static_cast<double>(step) / static_cast<double>(length_), 0.0, 1.0);
  return anneal_ == Anneal::kLinear ? t : (1 - std::cos(std::numbers::pi * t)) / 2;
}
double SWALR::between(int64_t step, double base) const { return swa_lr_ * share(step) + base * (1 - share(step)); }
double SWALR::lr_at(int64_t step, double base, size_t) const { return between(step, base); }
double SWALR::base_of(int64_t step, double base, double present) const {
  const double left = 1 - share(step);
  // Exactly the base as long as nobody has set the rate.
  if (present == between(step, base) || left == 0) return base;
  return (present - swa_lr_ * share(step)) / left;
}

}  // namespace hearth::optim
