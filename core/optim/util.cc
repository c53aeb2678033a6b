#include "core/optim/util.h"

#include <algorithm>
#include <cmath>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/ops/reduce.h"

namespace hearth::optim {

double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double p) {
  HEARTH_CHECK(max_norm >= 0 && p > 0, "clip_grad_norm_: max_norm must not be negative and p must be above 0");
  NoGrad off;
  double total = 0;
  for (const Tensor& t : parameters) {
    const Tensor g = t.grad();
    if (!g.defined()) continue;
    const double n = norm(g, p).item<double>();
    total = std::isinf(p) ? std::max(total, n) : total + std::pow(n, p);
  }
  const double whole = std::isinf(p) ? total : std::pow(total, 1 / p);
  const double scale = max_norm / (whole + 1e-6);
  if (scale < 1 || std::isnan(scale)) {
    for (const Tensor& t : parameters) {
      if (Tensor g = t.grad(); g.defined()) g.mul_(scale);
    }
  }
  return whole;
}

void clip_grad_value_(std::span<const Tensor> parameters, double value) {
  HEARTH_CHECK(value >= 0, "clip_grad_value_: the value must not be negative, but is ", value);
  NoGrad off;
  for (const Tensor& t : parameters) {
    if (Tensor g = t.grad(); g.defined()) g.clamp_(-value, value);
  }
}

EMA::EMA(std::vector<Tensor> tensors, double decay) : tensors_(std::move(tensors)), decay_(decay) {
  HEARTH_CHECK(decay >= 0 && decay <= 1, "EMA: the decay must be from 0 to 1, but is ", decay);
  NoGrad off;
  for (const Tensor& t : tensors_) averages_.push_back(t.detach().clone());
}

void EMA::update() {
  NoGrad off;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].is_floating_point()) {
      averages_[i].lerp_(tensors_[i], 1 - decay_);
    } else {
      averages_[i].copy_(tensors_[i]);
    }
  }
}

void EMA::swap() {
  NoGrad off;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor held = averages_[i].clone();
    averages_[i].copy_(tensors_[i]);
    tensors_[i].copy_(held);
  }
}

}  // namespace hearth::optim
