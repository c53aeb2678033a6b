#include "core/optim/swa.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/arithmetic.h"

namespace hearth::optim {
namespace {

void check_decay(double decay) {
  HEARTH_CHECK(decay >= 0 && decay <= 1, "averages: the decay must be from 0 to 1, but is ", decay);
}

MultiAveragingFunction each(AveragingFunction f) {
  return [f = std::move(f)](std::span<Tensor> averages, std::span<const Tensor> current, int64_t count) {
    for (size_t i = 0; i < averages.size(); ++i) averages[i].copy_(f(averages[i], current[i], count));
  };
}

}  // namespace

AveragingFunction get_ema_avg_fn(double decay) {
  check_decay(decay);
  return [decay](const Tensor& average, const Tensor& current, int64_t) { return lerp(average, current, 1 - decay); };
}
AveragingFunction get_swa_avg_fn() {
  return [](const Tensor& average, const Tensor& current, int64_t count) {
    return lerp(average, current, 1 / static_cast<double>(count + 1));
  };
}
MultiAveragingFunction get_ema_multi_avg_fn(double decay) { return each(get_ema_avg_fn(decay)); }
MultiAveragingFunction get_swa_multi_avg_fn() { return each(get_swa_avg_fn()); }

AveragedTensors::AveragedTensors(std::vector<Tensor> tensors, MultiAveragingFunction average)
    : tensors_(std::move(tensors)), average_(std::move(average)) {
  HEARTH_CHECK(average_, "AveragedTensors: there is no rule");
  const NoGrad off;
  for (const Tensor& t : tensors_) averages_.push_back(is_half(t.dtype()) ? t.detach().to(f32) : t.detach().clone());
}

void AveragedTensors::update() {
  const NoGrad off;
  std::vector<Tensor> averages, current;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (count_ == 0 || !tensors_[i].is_floating_point()) {
      averages_[i].copy_(tensors_[i]);
    } else {
      averages.push_back(averages_[i]);
      current.push_back(tensors_[i].detach().to(averages_[i].dtype()));
    }
  }
  if (!averages.empty()) average_(averages, current, count_);
  ++count_;
}

void AveragedTensors::swap() {
  const NoGrad off;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor held = averages_[i].clone();
    averages_[i].copy_(tensors_[i]);
    tensors_[i].copy_(held);
  }
}

SWALR::SWALR(Optimizer& o, double swa_lr, int64_t length, Anneal anneal)
    : Scheduler(o), swa_lr_(swa_lr), length_(length), anneal_(anneal) {
  HEARTH_CHECK(length >= 0, "SWALR: the length must not be negative, but is ", length);
  set_step(0);
}

double SWALR::lr_at(int64_t step, double base) const {
  const double t = length_ == 0 ? 1 : std::clamp(static_cast<double>(step) / static_cast<double>(length_), 0.0, 1.0);
  const double share = anneal_ == Anneal::kLinear ? t : (1 - std::cos(std::numbers::pi * t)) / 2;
  return swa_lr_ * share + base * (1 - share);
}

}  // namespace hearth::optim
