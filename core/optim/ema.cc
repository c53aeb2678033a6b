#include "core/optim/ema.h"

#include "core/autograd/guards.h"
#include "core/base/error.h"

namespace hearth::optim {

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
