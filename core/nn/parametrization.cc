#include "core/nn/parametrization.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/autograd/guards.h"
#include "core/base/error.h"
#include "core/base/thread_state.h"
#include "core/nn/computed_parameters_internal.h"
#include "core/nn/functional_call.h"
#include "core/ops/create.h"

namespace hearth::nn {
namespace detail {

ComputedParametersBox::ComputedParametersBox() = default;
ComputedParametersBox::ComputedParametersBox(const ComputedParametersBox& o)
    : p_(o.p_ ? std::make_unique<ComputedParameters>(*o.p_) : nullptr) {}
ComputedParametersBox::~ComputedParametersBox() = default;
ComputedParameters& ComputedParametersBox::make() {
  if (!p_) p_ = std::make_unique<ComputedParameters>();
  return *p_;
}
void ComputedParametersBox::drop() { p_.reset(); }

ComputedParameters::ComputedParameters(const ComputedParameters& o) : all(o.all) {}

ComputedParameter::ComputedParameter(const ComputedParameter& o)
    : name(o.name), shape(o.shape), originals(o.originals) {
  for (const auto& s : o.steps) steps.push_back(s->copy());
}

Tensor ComputedParameter::value() const {
  Tensor t = steps[0]->forward(originals);
  for (size_t i = 1; i < steps.size(); ++i) t = steps[i]->forward({t});
  return t;
}

void ComputedParameter::set(const Tensor& value) {
  const NoGrad off;
  std::vector<Tensor> inverse{value};
  for (size_t i = steps.size(); i-- > 0;) {
    std::vector<Tensor> before = steps[i]->right_inverse(inverse[0]);
    if (!before.empty()) inverse = std::move(before);
  }
  HEARTH_CHECK(inverse.size() == originals.size(), "parametrization of '", name, "': right_inverse gives ",
               inverse.size(), " tensors; expected ", originals.size());
  for (size_t i = 0; i < originals.size(); ++i) originals[i].copy_(inverse[i]);
}

void ComputedParameter::visit(const Owned& owned) {
  const std::string prefix = "parametrizations." + name + ".";
  for (size_t i = 0; i < originals.size(); ++i) {
    owned.parameter(prefix + "original" + (steps[0]->several() ? std::to_string(i) : ""), originals[i]);
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    if (ModuleBase* m = steps[i]->module()) owned.module(prefix + std::to_string(i), *m);
  }
}

ComputedParameter* ComputedParameters::find(const std::string& name) {
  const auto at = std::ranges::find_if(all, [&](const ComputedParameter& p) { return p.name == name; });
  return at == all.end() ? nullptr : &*at;
}

void ComputedParameters::visit(const Owned& owned) {
  for (ComputedParameter& p : all) p.visit(owned);
}

void ComputedParameters::upgrade_state(StateDict& state, const std::string& prefix) const {
  for (const ComputedParameter& p : all) p.steps[0]->upgrade_state(state, prefix, p.name);
}

namespace {

// Originals of a parameter: itself where it can be.
std::vector<Tensor> originals_of(const Tensor& value, ParametrizationStep& step) {
  const NoGrad off;
  std::vector<Tensor> inverse = step.right_inverse(value.detach());
  if (inverse.empty()) return {value};
  HEARTH_CHECK(step.several() || inverse.size() == 1, "register_parametrization: right_inverse gives ", inverse.size(),
               " tensors, where forward takes one");
  Tensor own = value;
  if (!step.several() && inverse[0].shape() == own.shape() && inverse[0].dtype() == own.dtype()) {
    own.copy_(inverse[0]);
    return {own};
  }
  for (Tensor& t : inverse) {
    t = t.detach().clone();
    if (value.requires_grad() && t.is_floating_point()) t.requires_grad_();
  }
  return inverse;
}

// The list of what is computed must stay as it is while a call goes by it.
void check_not_called(ModuleBase& module, const char* what) {
  const ComputedParametersBox& box = ModuleAccess::computed(module);
  HEARTH_CHECK(!box || !box.get()->caller, what, ": the forward of ", module.type_name(), " is running");
}

}  // namespace

void register_parametrization(ModuleBase& module, const std::string& name, std::unique_ptr<ParametrizationStep> step) {
  check_not_called(module, "register_parametrization");
  ComputedParametersBox& box = ModuleAccess::computed(module);
  ComputedParameter* known = box ? box.get()->find(name) : nullptr;
  Tensor* const place = ModuleAccess::place(module, name);
  HEARTH_CHECK(place && (known || place->defined()), "register_parametrization: ", module.type_name(),
               " has no parameter '", name, "'");
  HEARTH_CHECK(!known || !step->several(),
               "register_parametrization: only the first parametrization of a parameter takes several originals");
  Tensor before;
  std::vector<Tensor> originals;
  {
    const NoGrad off;
    before = known ? known->value() : *place;
    const std::vector<Tensor> in = known ? std::vector<Tensor>{before} : originals_of(*place, *step);
    const Tensor after = step->forward(in);
    HEARTH_CHECK(after.defined() && after.shape() == before.shape() && after.dtype() == before.dtype(),
                 "register_parametrization: the parametrization of '", name, "', ", before.dtype(), " ", before.shape(),
                 ", gives ",
                 after.defined() ? concat(after.dtype(), " ", after.shape()) : std::string("an undefined tensor"));
    originals = in;
  }
  if (known) {
    known->steps.push_back(std::move(step));
    return;
  }
  ComputedParameter p;
  p.name = name;
  p.shape = before.shape();
  p.originals = std::move(originals);
  p.steps.push_back(std::move(step));
  box.make().all.push_back(std::move(p));
  *place = Tensor();
}

void ComputedParameters::reset(ModuleBase& module, const std::function<void()>& reset) {
  for (const ComputedParameter& p : all) {
    Tensor fresh = empty(p.shape, {.dtype = p.originals[0].dtype(), .device = p.originals[0].device()});
    *ModuleAccess::place(module, p.name) = fresh;
  }
  reset();
  for (ComputedParameter& p : all) p.set(std::exchange(*ModuleAccess::place(module, p.name), Tensor()));
}

ComputedScope::ComputedScope(ModuleBase& m) {
  const ComputedParametersBox& box = ModuleAccess::computed(m);
  if (!box) return;
  const void* const me = &thread_state;
  const void* other = nullptr;
  if (!box.get()->caller.compare_exchange_strong(other, me)) {
    HEARTH_CHECK(other == me, m.type_name(),
                 ": two threads call it at once, but its parameters are computed for one call at a time");
    return;  // a call within a call
  }
  module_ = &m;
  try {
    for (const ComputedParameter& p : box.get()->all) *ModuleAccess::place(m, p.name) = p.value();
  } catch (...) {
    take_away();
    throw;
  }
}
ComputedScope::~ComputedScope() {
  if (module_) take_away();
}
void ComputedScope::take_away() noexcept {
  ComputedParameters& computed = *ModuleAccess::computed(*module_).get();
  for (const ComputedParameter& p : computed.all) *ModuleAccess::place(*module_, p.name) = Tensor();
  computed.caller = nullptr;
}

void put_tensors(ModuleBase& module, const StateDict& tensors) {
  std::map<TensorImpl*, std::pair<std::string, Tensor>> replaced;
  std::set<std::string> known;
  ModuleAccess::visit_tensors(module, [&](const std::string& name, Tensor& t) {
    const auto given = tensors.find(name);
    if (given == tensors.end() || !t.defined()) return;
    HEARTH_CHECK(
        given->second.defined() && given->second.shape() == t.shape(), "functional_call: '", name, "' ",
        given->second.defined() ? concat("has the shape ", given->second.shape()) : std::string("is undefined"),
        "; expected ", t.shape());
    const auto& [first, with] = replaced.try_emplace(t.impl(), name, given->second).first->second;
    HEARTH_CHECK(with.is(given->second), "functional_call: '", first, "' and '", name,
                 "' are one tensor of the module, but two different tensors are given for them");
    known.insert(name);
  });
  for (const auto& [name, t] : tensors)
    HEARTH_CHECK(known.count(name), "functional_call: ", module.type_name(), " has no parameter or buffer '", name,
                 "'");
  ModuleAccess::visit_tensors(module, [&](const std::string&, Tensor& t) {
    const auto mine = t.defined() ? replaced.find(t.impl()) : replaced.end();
    if (mine != replaced.end()) t = mine->second.second;
  });
}

}  // namespace detail

namespace {

detail::ComputedParameter& computed(ModuleBase& module, const std::string& name, const char* what) {
  const detail::ComputedParametersBox& box = detail::ModuleAccess::computed(module);
  detail::ComputedParameter* p = box ? box.get()->find(name) : nullptr;
  HEARTH_CHECK(p, what, ": '", name, "' of ", module.type_name(), " has no parametrization");
  return *p;
}

}  // namespace

bool is_parametrized(const ModuleBase& module) {
  return static_cast<bool>(detail::ModuleAccess::computed(const_cast<ModuleBase&>(module)));
}
bool is_parametrized(const ModuleBase& module, const std::string& name) {
  const detail::ComputedParametersBox& box = detail::ModuleAccess::computed(const_cast<ModuleBase&>(module));
  return box && box.get()->find(name);
}
Tensor parametrized(ModuleBase& module, const std::string& name) {
  return computed(module, name, "parametrized").value();
}
Tensor detail::parameter_of(ModuleBase& module, const std::string& name, const char* what) {
  if (is_parametrized(module, name)) return parametrized(module, name);
  for (const auto& [own, t] : module.named_parameters()) {
    if (own == name) return t;
  }
  fail(what, ": ", module.type_name(), " has no parameter '", name, "'");
}
void remove_parametrizations(ModuleBase& module, const std::string& name) {
  const detail::ComputedParameter& p = computed(module, name, "remove_parametrizations");
  detail::check_not_called(module, "remove_parametrizations");
  const bool trained = std::ranges::any_of(p.originals, [](const Tensor& t) { return t.requires_grad(); });
  Tensor value;
  {
    const NoGrad off;
    value = p.value().clone();
    Tensor original = p.originals[0];
    if (p.originals.size() == 1 && original.shape() == value.shape() && original.dtype() == value.dtype()) {
      original.copy_(value);
      value = original;
    }
  }
  detail::ComputedParametersBox& box = detail::ModuleAccess::computed(module);
  std::erase_if(box.get()->all, [&](const detail::ComputedParameter& q) { return q.name == name; });
  if (box.get()->all.empty()) box.drop();
  Tensor& place = *detail::ModuleAccess::place(module, name);
  place = value;
  if (trained && !place.requires_grad()) place.requires_grad_();
}

}  // namespace hearth::nn
