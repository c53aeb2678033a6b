#include "core/optim/optimizer.h"

#include <set>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/kernels/cpu/optim.h"
#include "core/op/attrs/optim.h"
#include "core/op/machinery.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/create.h"

namespace hearth {
namespace {

void infer_step(OpCall& c) {
  HEARTH_CHECK(c.bound, c.op.name, ": it only writes in place");
  const DType state = is_half(c.dtype) ? f32 : c.dtype;
  for (int i = 1; i < c.inputs(); ++i) {
    HEARTH_CHECK(!c.is_tensor(i) || c.input(i).dtype() == (i == 1 ? c.dtype : state), c.op.name, ": operand ", i,
                 " is ", c.input(i).dtype(), "; expected ", i == 1 ? c.dtype : state);
    HEARTH_CHECK(
        !c.is_tensor(i) || (c.input(i).shape() == c.out[0].shape() && c.input(i).strides() == c.out[0].strides()),
        c.op.name, ": operand ", i, " does not lie in memory like the parameter of shape ", c.out[0].shape());
  }
}

}  // namespace

extern constinit const OpDef kSgdStep = {.name = "sgd_step",
                                         .dtypes = kFloatTypes,
                                         .min_inputs = 3,
                                         .max_inputs = 3,
                                         .absent = 0b100,
                                         .in_place = 1,
                                         .internal = true,
                                         .attrs = &attrs_type<SgdAttrs>,
                                         .infer = infer_step,
                                         .kernel = {cpu::sgd_step}};
HEARTH_OP(kSgdStep);

extern constinit const OpDef kAdamStep = {.name = "adam_step",
                                          .dtypes = kFloatTypes,
                                          .min_inputs = 5,
                                          .max_inputs = 5,
                                          .absent = 0b10000,
                                          .in_place = 1,
                                          .internal = true,
                                          .attrs = &attrs_type<AdamAttrs>,
                                          .infer = infer_step,
                                          .kernel = {cpu::adam_step}};
HEARTH_OP(kAdamStep);

namespace optim {

namespace {

DType state_dtype(const Tensor& p) { return is_half(p.dtype()) ? f32 : p.dtype(); }

Tensor& state_tensor(std::map<std::string, Tensor>& state, const char* name, const Tensor& p) {
  Tensor& t = state[name];
  if (!t.defined()) t = zeros_like(p, state_dtype(p));
  return t;
}

}  // namespace

void Optimizer::add_group(std::vector<Tensor> parameters) {
  HEARTH_CHECK(!parameters.empty(), name_, ": there are no parameters to optimize");
  std::map<const TensorImpl*, std::string> known;
  const auto place = [](size_t i, size_t g) { return concat("parameter ", i, " of group ", g); };
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < groups_[g].size(); ++i) known[groups_[g][i].impl()] = place(i, g);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& p = parameters[i];
    const std::string here = place(i, groups_.size());
    HEARTH_CHECK(p.defined(), name_, ": ", here, " is undefined");
    HEARTH_CHECK(p.is_floating_point(), name_, ": ", here, " is not floating-point, but ", p.dtype(), " ", p.shape());
    HEARTH_CHECK(p.is_leaf(), name_, ": only leaf tensors can be optimized, but ", here, " of shape ", p.shape(),
                 " was computed from others");
    const auto [it, fresh] = known.emplace(p.impl(), here);
    HEARTH_CHECK(fresh, name_, ": ", here, ", of shape ", p.shape(), ", is the same tensor as ", it->second);
  }
  slots_.resize(slots_.size() + parameters.size());
  groups_.push_back(std::move(parameters));
}

size_t Optimizer::checked(size_t group) const {
  HEARTH_CHECK(group < groups_.size(), name_, ": there is no parameter group ", group, "; the optimizer has ",
               groups_.size());
  return group;
}

void Optimizer::step() {
  NoGrad off;
  size_t slot = 0;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (Tensor& p : groups_[g]) {
      Slot& s = slots_[slot++];
      Tensor grad = p.grad();
      if (!grad.defined()) continue;
      // State lies in memory as the parameter does; a gradient that does not is brought into that order.
      if (!(grad.strides() == p.strides())) {
        Tensor ordered = empty_like(p);
        grad = ordered.copy_(grad);
      }
      update(p, grad, s.tensors, g, ++s.steps);
    }
  }
}

void Optimizer::zero_grad() {
  for (auto& group : groups_) {
    for (Tensor& p : group) p.set_grad({});
  }
}

std::map<std::string, Tensor> Optimizer::state_dict() {
  std::map<std::string, Tensor> out;
  std::vector<int64_t> steps;
  for (size_t i = 0; i < slots_.size(); ++i) {
    steps.push_back(slots_[i].steps);
    for (auto& [name, t] : slots_[i].tensors) out["state." + std::to_string(i) + "." + name] = t;
  }
  out["steps"] = from_values(steps, {static_cast<int64_t>(steps.size())});
  for (size_t g = 0; g < groups_.size(); ++g) {
    const std::vector<double> v{lr(g), momentum(g)};
    out["group." + std::to_string(g)] = from_values(v, {2});
  }
  return out;
}

void Optimizer::load_state_dict(const std::map<std::string, Tensor>& state) {
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  std::set<std::string> known;
  const auto find = [&](const std::string& name, const Shape& shape, DType dtype) -> const Tensor* {
    const auto it = state.find(name);
    known.insert(name);
    if (it == state.end() || !it->second.defined()) {
      note("missing: " + name);
      return nullptr;
    }
    const Tensor& t = it->second;
    if (t.shape() == shape && t.dtype() == dtype) return &t;
    note(concat(name, " is ", t.dtype(), " ", t.shape(), ", expected ", dtype, " ", shape));
    return nullptr;
  };
  std::vector<Slot> slots(slots_.size());
  std::vector<std::pair<double, double>> rates(groups_.size());
  const Tensor* steps = find("steps", {static_cast<int64_t>(slots_.size())}, DType::kI64);
  for (size_t g = 0, i = 0; g < groups_.size(); ++g) {
    if (const Tensor* t = find("group." + std::to_string(g), {2}, DType::kF64)) {
      const std::vector<double> v = t->to_vector<double>();
      rates[g] = {v[0], v[1]};
    }
    for (const Tensor& p : groups_[g]) {
      Slot& slot = slots[i];
      if (steps) slot.steps = steps->to_vector<int64_t>()[i];
      if (slot.steps < 0) note(concat("parameter ", i, " has made ", slot.steps, " steps"));
      for (const auto& [name, needed] : state_names(g, rates[g].second)) {
        const std::string full = "state." + std::to_string(i) + "." + name;
        if (!state.count(full) && !(needed && slot.steps > 0)) continue;
        if (const Tensor* t = find(full, p.shape(), state_dtype(p))) slot.tensors[name] = *t;
      }
      ++i;
    }
  }
  for (const auto& [name, t] : state) {
    if (!known.count(name)) note("unexpected: " + name);
  }
  HEARTH_CHECK(wrong.empty(), "optimizer: the state does not fit: ", wrong);
  NoGrad off;
  for (size_t g = 0, i = 0; g < groups_.size(); ++g) {
    for (const Tensor& p : groups_[g]) {
      for (auto& [name, t] : slots[i].tensors) {
        Tensor own = empty_like(p, state_dtype(p));
        t = own.copy_(t.to(p.device()));
      }
      ++i;
    }
    set_lr(rates[g].first, g);
    set_momentum(rates[g].second, g);
  }
  slots_ = std::move(slots);
}

namespace {
const SGDOptions& valid(const SGDOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0,
               "SGD: lr, momentum and weight_decay must not be negative, but are ", o.lr, ", ", o.momentum, " and ",
               o.weight_decay);
  HEARTH_CHECK(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
               "SGD: Nesterov momentum needs a momentum and no dampening");
  return o;
}
const AdamOptions& valid(const char* name, const AdamOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0, name,
               ": lr, eps and weight_decay must not be negative, but are ", o.lr, ", ", o.eps, " and ", o.weight_decay);
  HEARTH_CHECK(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, name, ": betas must be in [0, 1), but are ",
               o.beta1, " and ", o.beta2);
  return o;
}
const RMSpropOptions& valid(const RMSpropOptions& o) {
  HEARTH_CHECK(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0 && o.momentum >= 0,
               "RMSprop: lr, eps, weight_decay and momentum must not be negative, but are ", o.lr, ", ", o.eps, ", ",
               o.weight_decay, " and ", o.momentum);
  HEARTH_CHECK(o.alpha >= 0 && o.alpha <= 1, "RMSprop: alpha must be in [0, 1], but is ", o.alpha);
  return o;
}
}  // namespace

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& o)
    : Optimizer("SGD", std::move(parameters)), options_{valid(o)} {}
void SGD::add_group(std::vector<Tensor> parameters, const SGDOptions& o) {
  valid(o);
  Optimizer::add_group(std::move(parameters));
  options_.push_back(o);
}
Optimizer::StateNames SGD::state_names(size_t, double momentum) const { return {{"momentum_buffer", momentum != 0}}; }
void SGD::update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group, int64_t steps) {
  const SGDOptions& o = options_[group];
  std::optional<Tensor> buffer;
  if (o.momentum != 0) buffer = state_tensor(state, "momentum_buffer", p);
  run_into(kSgdStep, p, {p, grad, buffer},
           SgdAttrs{o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, steps == 1});
}

Adam::Adam(const char* name, std::vector<Tensor> parameters, const AdamOptions& o, bool decoupled)
    : Optimizer(name, std::move(parameters)), options_{valid(name, o)}, decoupled_(decoupled) {}
void Adam::add_group(std::vector<Tensor> parameters, const AdamOptions& o) {
  valid(name(), o);
  Optimizer::add_group(std::move(parameters));
  options_.push_back(o);
}
Optimizer::StateNames Adam::state_names(size_t group, double) const {
  StateNames names{{"exp_avg", true}, {"exp_avg_sq", true}};
  if (options_[group].amsgrad) names.emplace_back("max_exp_avg_sq", true);
  return names;
}
void Adam::update(Tensor& p, const Tensor& grad, std::map<std::string, Tensor>& state, size_t group, int64_t steps) {
  const AdamOptions& o = options_[group];
  std::optional<Tensor> largest;
  if (o.amsgrad) largest = state_tensor(state, "max_exp_avg_sq", p);
  run_into(kAdamStep, p, {p, grad, state_tensor(state, "exp_avg", p), state_tensor(state, "exp_avg_sq", p), largest},
           AdamAttrs{o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, decoupled_, o.maximize, steps});
}

RMSprop::RMSprop(std::vector<Tensor> parameters, const RMSpropOptions& o)
    : Optimizer("RMSprop", std::move(parameters)), options_{valid(o)} {}
void RMSprop::add_group(std::vector<Tensor> parameters, const RMSpropOptions& o) {
  valid(o);
  Optimizer::add_group(std::move(parameters));
  options_.push_back(o);
}
Optimizer::StateNames RMSprop::state_names(size_t group, double momentum) const {
  StateNames names{{"square_avg", true}, {"momentum_buffer", momentum > 0}};
  if (options_[group].centered) names.emplace_back("grad_avg", true);
  return names;
}
void RMSprop::update(Tensor& p, const Tensor& gradient, std::map<std::string, Tensor>& state, size_t group,
                     int64_t steps) {
  if (is_half(p.dtype())) {
    Tensor wide = p.to(f32);
    update(wide, gradient.to(f32), state, group, steps);
    p.copy_(wide);
    return;
  }
  const RMSpropOptions& o = options_[group];
  const Tensor g = o.weight_decay != 0 ? gradient + p * o.weight_decay : gradient;
  Tensor& squares = state_tensor(state, "square_avg", p);
  squares.mul_(o.alpha).addcmul_(g, g, 1 - o.alpha);
  Tensor deviation = squares;
  if (o.centered) {
    Tensor& mean = state_tensor(state, "grad_avg", p);
    mean.lerp_(g, 1 - o.alpha);
    deviation = squares - mean * mean;
  }
  deviation = deviation.sqrt() + o.eps;
  if (o.momentum > 0) {
    Tensor& buffer = state_tensor(state, "momentum_buffer", p);
    buffer.mul_(o.momentum).addcdiv_(g, deviation);
    p.add_(buffer * -o.lr);
  } else {
    p.addcdiv_(g, deviation, -o.lr);
  }
}

}  // namespace optim
}  // namespace hearth
