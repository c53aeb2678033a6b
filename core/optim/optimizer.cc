#include "core/optim/optimizer.h"

#include <utility>

#include "core/autograd/guards.h"
#include "core/base/error.h"

namespace hearth::optim {

void Optimizer::add(const Parameters& parameters) {
  const bool empty = parameters.tensors().empty();
  HEARTH_CHECK(empty || count_ == 0 || parameters.named() == named_, name_, ": the parameters of group ",
               groups_.size(), parameters.named() ? " have names, but those" : " have no names, but those",
               " of the groups before ", named_ ? "have" : "have none");
  std::map<const TensorImpl*, std::string> tensors;  // of the groups before
  std::map<std::string, std::string> names;
  const auto place = [this](size_t i, size_t g) {
    return named_ ? concat("\"", groups_[g].names[i], "\" of group ", g) : concat("parameter ", i, " of group ", g);
  };
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < groups_[g].tensors.size(); ++i) {
      tensors[groups_[g].tensors[i].impl()] = place(i, g);
      names[groups_[g].names[i]] = place(i, g);
    }
  }
  Group group;
  std::map<const TensorImpl*, size_t> own;
  size_t count = count_;
  for (size_t i = 0; i < parameters.tensors().size(); ++i) {
    const Tensor& p = parameters.tensors()[i];
    const std::string here = parameters.named() ? concat("\"", parameters.names()[i], "\" of group ", groups_.size())
                                                : concat("parameter ", i, " of group ", groups_.size());
    HEARTH_CHECK(p.defined(), name_, ": ", here, " is undefined");
    HEARTH_CHECK(p.is_floating_point(), name_, ": ", here, " is not floating-point, but ", p.dtype(), " ", p.shape());
    HEARTH_CHECK(p.is_leaf(), name_, ": only leaf tensors can be optimized, but ", here, " of shape ", p.shape(),
                 " was computed from others");
    const auto before = tensors.find(p.impl());
    HEARTH_CHECK(before == tensors.end(), name_, ": ", here, ", of shape ", p.shape(), ", is the same tensor as ",
                 before->second);
    if (!own.emplace(p.impl(), i).second) continue;
    std::string name = parameters.named() ? parameters.names()[i] : std::to_string(count);
    const auto [known, fresh] = names.emplace(name, here);
    HEARTH_CHECK(fresh, name_, ": two parameters have one name: ", known->second, " and ", here);
    group.tensors.push_back(p);
    group.names.push_back(std::move(name));
    ++count;
  }
  if (!empty) named_ = parameters.named();
  count_ = count;
  groups_.push_back(std::move(group));
}

size_t Optimizer::checked(size_t group) const {
  HEARTH_CHECK(group < groups_.size(), name_, ": there is no parameter group ", group, "; the optimizer has ",
               groups_.size());
  return group;
}

void Optimizer::step() {
  before_.call(*this);
  {
    const NoGrad off;
    take_step();
  }
  after_.call(*this);
}

Tensor Optimizer::step(const Closure& closure) {
  HEARTH_CHECK(closure, name_, ": step: the closure is empty");
  before_.call(*this);
  Tensor loss = take_step_with(closure);
  after_.call(*this);
  return loss;
}

Tensor Optimizer::take_step_with(const Closure& closure) {
  Tensor loss;
  {
    const GradMode on(true);
    loss = closure();
  }
  const NoGrad off;
  take_step();
  return loss;
}

HookHandle Optimizer::register_step_pre_hook(StepHook hook) {
  HEARTH_CHECK(hook, name_, ": register_step_pre_hook: the function is empty");
  return before_.add(std::move(hook));
}

HookHandle Optimizer::register_step_post_hook(StepHook hook) {
  HEARTH_CHECK(hook, name_, ": register_step_post_hook: the function is empty");
  return after_.add(std::move(hook));
}

void Optimizer::zero_grad(bool set_to_none) {
  const NoGrad off;
  for (Group& group : groups_) {
    for (Tensor& p : group.tensors) {
      Tensor g = set_to_none ? Tensor() : p.grad();
      if (g.defined()) g = g.detach().zero_();
      p.set_grad(g);
    }
  }
}

void Optimizer::set_lr(double lr) {
  for (size_t g = 0; g < groups(); ++g) set_lr(lr, g);
}

}  // namespace hearth::optim
