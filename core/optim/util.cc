#include "core/optim/util.h"

#include <algorithm>
#include <cmath>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/ops/reduce.h"

namespace hearth::optim {

double clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, double p) {
  const CalledAs called("clip_grad_norm_");
  HEARTH_CHECK(max_norm >= 0 && p > 0, "clip_grad_norm_: max_norm must not be negative and p must be above 0");
  NoGrad off;
  double total = 0;
  for (const Tensor& t : parameters) {
    const Tensor g = t.grad();
    if (!g.defined()) continue;
    const double n = norm(machinery::widened(g), p).item<double>();
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
  const CalledAs called("clip_grad_value_");
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

std::map<std::string, Tensor> EMA::state_dict() const {
  std::map<std::string, Tensor> out;
  for (size_t i = 0; i < averages_.size(); ++i) out[std::to_string(i)] = averages_[i];
  return out;
}

void EMA::load_state_dict(const std::map<std::string, Tensor>& state) {
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  auto own = state_dict();
  for (const auto& [name, t] : own) {
    const auto it = state.find(name);
    if (it == state.end() || !it->second.defined()) {
      note("missing: " + name);
    } else if (!(it->second.shape() == t.shape()) || it->second.dtype() != t.dtype()) {
      note(concat(name, " is ", it->second.dtype(), " ", it->second.shape(), ", expected ", t.dtype(), " ", t.shape()));
    }
  }
  for (const auto& [name, t] : state) {
    if (!own.count(name)) note("unexpected: " + name);
  }
  HEARTH_CHECK(wrong.empty(), "EMA: the state does not fit: ", wrong);
  NoGrad off;
  for (auto& [name, t] : own) t.copy_(state.at(name).to(t.device()));
}

}  // namespace hearth::optim
