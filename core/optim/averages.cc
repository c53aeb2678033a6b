#include "core/optim/averages.h"

#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/op/machinery.h"

namespace hearth::optim::detail {

Averages::Averages(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {
  const NoGrad off;
  std::map<const TensorImpl*, size_t> seen;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& t = tensors_[i];
    first_.push_back(seen.try_emplace(t.impl(), i).first->second);
    averages_.push_back(first(i) ? is_half(t.dtype()) ? t.detach().to(f32) : t.detach().clone() : averages_[first_[i]]);
  }
  rounded_.resize(tensors_.size());
}

void Averages::update(const MultiAveragingFunction& rule, int64_t count) {
  const NoGrad off;
  std::vector<Tensor> averages, current;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!first(i)) continue;
    const Tensor& t = tensors_[i];
    if (count == 0 || !(t.is_floating_point() || t.is_complex())) {
      averages_[i].copy_(t);
    } else {
      averages.push_back(averages_[i]);
      current.push_back(t.detach().to(averages_[i].dtype()));
    }
  }
  if (!averages.empty()) rule(averages, current, count);
}

void Averages::swap() {
  const NoGrad off;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!first(i)) continue;
    Tensor &t = tensors_[i], &average = averages_[i];
    const Tensor held = average.clone();
    Rounded& r = rounded_[i];
    if (r.average.defined() && r.version == t.version()) average.copy_(r.average);
    else average.copy_(t);
    const bool back = std::exchange(r.average, Tensor()).defined();
    t.copy_(held);
    if (!back && t.dtype() != average.dtype()) r = {held, t.version()};
  }
}

std::map<std::string, Tensor> Averages::state_dict() const {
  std::map<std::string, Tensor> out;
  for (size_t i = 0; i < averages_.size(); ++i) out[std::to_string(i)] = averages_[i];
  return out;
}

void Averages::load_state_dict(const char* what, const std::map<std::string, Tensor>& state) {
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  auto own = state_dict();
  for (const auto& [name, t] : own) {
    const auto it = state.find(name);
    if (it == state.end() || !it->second.defined()) {
      note("missing: " + name);
    } else if (const bool converts = t.is_floating_point() && it->second.is_floating_point();
               !(it->second.shape() == t.shape()) || (it->second.dtype() != t.dtype() && !converts)) {
      note(concat(name, " is ", it->second.dtype(), " ", it->second.shape(), ", expected ", t.dtype(), " ", t.shape()));
    }
  }
  for (const auto& [name, t] : state) {
    if (!own.count(name)) note("unexpected: " + name);
  }
  HEARTH_CHECK(wrong.empty(), what, ": the state does not fit: ", wrong);
  const NoGrad off;
  for (auto& [name, t] : own) t.copy_(state.at(name));
}

}  // namespace hearth::optim::detail
