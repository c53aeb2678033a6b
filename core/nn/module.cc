#include "core/nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <set>

#include "core/autograd/guards.h"
#include "core/autograd/swap_memory.h"
#include "core/base/error.h"
#include "core/base/name_check.h"
#include "core/nn/computed_parameters_internal.h"

namespace hearth::nn {

void ModuleBase::begin(const detail::ModuleType* type, const char* name) {
  type_ = type;
  name_ = name;
  // Its own members do not exist yet: none is to be told of the name.
  if (ModuleBase* parent = std::exchange(parent_, nullptr)) {
    parent->add(name, this, Kind::kModule);
    member_ = true;
  }
}

void ModuleBase::attach(ModuleBase* parent, const char* name) {
  if (!parent) return;
  parent->add(name, this, Kind::kModule);
  set_name(*this, name);
}

void ModuleBase::set_name(ModuleBase& child, std::string name) {
  child.name_ = std::move(name);
  child.member_ = true;
  child.type_->renamed(child);
}

std::string ModuleBase::type_name() const { return detail::type_name(*type_->id); }

std::string ModuleBase::repr_name() const {
  if (std::string own = type_->repr_name(*this); !own.empty()) return own;
  // Without namespaces and template arguments.
  const std::string whole = type_name(), name = whole.substr(0, whole.find('<'));
  const size_t scope = name.rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

std::string detail::type_name(const std::type_info& type) {
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr),
                                                    std::free);
  std::string name = text ? text.get() : type.name();
  for (const std::string noise : {"(anonymous namespace)::", "hearth::"}) {
    for (size_t at; (at = name.find(noise)) != std::string::npos;) name.erase(at, noise.size());
  }
  return name;
}

void ModuleBase::add(const char* name, const void* member, Kind kind) {
  const std::string text = name;
  HEARTH_CHECK(!text.empty() && text.find('.') == std::string::npos, type_name(),
               ": a member's name must not be empty or contain a dot, but is '", text, "'");
  const auto address = reinterpret_cast<uintptr_t>(member), object = reinterpret_cast<uintptr_t>(type_->object(*this));
  HEARTH_CHECK(
      address >= object && address - object < type_->size, type_name(), ": '", text,
      "' does not lie inside of the module it registers with; only data members do so with `this`. Lists are a "
      "ModuleList, and a module that others derive from is a template: template <class D> struct Base : "
      "nn::Module<D>");
  const std::ptrdiff_t offset = static_cast<const char*>(member) - reinterpret_cast<const char*>(this);
  for (const Entry& e : entries_) {
    if (e.name != text) continue;
    // An optional that is filled again.
    HEARTH_CHECK(e.offset == offset && e.kind == kind, type_name(), ": two members are named '", text, "'");
    return;
  }
  entries_.push_back({text, offset, kind});
}

void ModuleScope::refuse(const ModuleBase& m) {
  fail(static_cast<const ModuleBase*>(thread_state.module)->type_name(), ": its forward calls a ", m.type_name(),
       " that is no member of a module, so that it would not be trained, saved or switched by train(); declare it, or "
       "the list that holds it, as a member with {this, \"name\"}, or call .forward() if it shall stay apart");
}

void ModuleBase::visit(const std::string& prefix, const OnTensor& on_tensor, const OnModule& on_module,
                       const OnModule& after_module) {
  const auto path = [&] { return prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1); };
  if (on_module) on_module(path(), *this);
  for (const Entry& e : entries_) {
    if (e.kind == Kind::kModule) {
      static_cast<ModuleBase*>(at(e))->visit(prefix + e.name + ".", on_tensor, on_module, after_module);
    } else if (on_tensor && !computes(e.name)) {
      on_tensor(prefix + e.name, *static_cast<Tensor*>(at(e)), e.kind);
    }
  }
  const std::function<void(const std::string&, ModuleBase&)> module = [&](const std::string& n, ModuleBase& m) {
    m.visit(prefix + n + ".", on_tensor, on_module, after_module);
  };
  const std::function<void(const std::string&, Tensor&)> parameter = [&](const std::string& n, Tensor& t) {
    if (on_tensor && !computes(n)) on_tensor(prefix + n, t, Kind::kParameter);
  };
  type_->visit_owned(*this, {module, parameter});
  if (computed_) computed_.get()->visit({module, parameter});
  if (after_module) after_module(path(), *this);
}

void ModuleBase::visit_tensors(const std::function<void(const std::string&, const Tensor&, Kind)>& f) const {
  const_cast<ModuleBase*>(this)->visit(
      "", [&](const std::string& n, Tensor& t, Kind k) { f(n, t, k); }, nullptr);
}

std::vector<std::pair<std::string, Tensor>> ModuleBase::named_parameters() const {
  std::vector<std::pair<std::string, Tensor>> out;
  visit_tensors([&](const std::string& n, const Tensor& t, Kind k) {
    if (k == Kind::kParameter && t.defined()) out.emplace_back(n, t);
  });
  return out;
}
std::vector<std::pair<std::string, Tensor>> ModuleBase::named_buffers() const {
  std::vector<std::pair<std::string, Tensor>> out;
  visit_tensors([&](const std::string& n, const Tensor& t, Kind k) {
    if (k != Kind::kParameter && t.defined()) out.emplace_back(n, t);
  });
  return out;
}
std::vector<Tensor> ModuleBase::parameters() const {
  std::vector<Tensor> out;
  std::set<TensorImpl*> seen;
  for (auto& [n, t] : named_parameters()) {
    if (seen.insert(t.impl()).second) out.push_back(t);
  }
  return out;
}
std::vector<std::pair<std::string, ModuleBase*>> ModuleBase::named_modules() {
  std::vector<std::pair<std::string, ModuleBase*>> out;
  visit("", nullptr, [&](const std::string& n, ModuleBase& m) { out.emplace_back(n, &m); });
  return out;
}
std::vector<std::pair<std::string, const ModuleBase*>> ModuleBase::named_modules() const {
  std::vector<std::pair<std::string, const ModuleBase*>> out;
  for (auto& [n, m] : const_cast<ModuleBase*>(this)->named_modules()) out.emplace_back(n, m);
  return out;
}
int64_t ModuleBase::parameter_count() const {
  int64_t n = 0;
  for (const Tensor& t : parameters()) n += t.numel();
  return n;
}

StateDict ModuleBase::state_dict() const {
  StateDict out;
  visit_tensors([&](const std::string& n, const Tensor& t, Kind k) {
    if (k != Kind::kTransientBuffer && t.defined()) out[n] = t;
  });
  return out;
}

namespace {
// States that were saved before batch norm counted its batches, or by others, have no count: the module's own stays.
StateDict with_batch_counts(const StateDict& given, const StateDict& own) {
  constexpr std::string_view kCount = "num_batches_tracked";
  StateDict state = given;
  for (const auto& [name, t] : own) {
    if (!std::string_view(name).ends_with(kCount) || state.count(name)) continue;
    if (state.count(name.substr(0, name.size() - kCount.size()) + "running_mean")) state[name] = t;
  }
  return state;
}
}  // namespace

void ModuleBase::load_state_dict(const StateDict& given, bool strict) {
  StateDict own = state_dict();
  const StateDict state = with_batch_counts(given, own);
  const NameCheck check = check_names(
      own, state,
      [](const std::string& name, const Tensor& mine, const Tensor& theirs) -> std::string {
        if (!theirs.defined()) return name + " is undefined";
        if (!(theirs.shape() == mine.shape()))
          return concat(name, " has shape ", theirs.shape(), ", expected ", mine.shape());
        if (mine.device().is_meta() && !theirs.device().is_meta())
          return name + " is on meta in this module and cannot take values; call to_empty() first";
        if (theirs.device().is_meta() && !mine.device().is_meta()) return name + " is a meta tensor and has no values";
        return "";
      },
      strict);
  HEARTH_CHECK(check.ok(), "load_state_dict: ", check.wrong());
  NoGrad off;
  for (auto& [name, t] : own) {
    const auto found = state.find(name);
    if (found != state.end() && found->second.impl() != t.impl()) t.copy_(found->second.to(t.device()));
  }
}

void ModuleBase::train(bool on) {
  apply([on](ModuleBase& m) { m.training_ = on; });
}
void ModuleBase::apply(const std::function<void(ModuleBase&)>& f) {
  visit("", nullptr, [&](const std::string&, ModuleBase& m) { f(m); });
}
void ModuleBase::zero_grad() {
  for (Tensor& t : parameters()) t.set_grad({});
}
void ModuleBase::requires_grad_(bool on) {
  for (Tensor& t : parameters()) t.requires_grad_(on);
}

void ModuleBase::replace_tensors(const std::function<void(Tensor&)>& f) {
  visit(
      "", [&](const std::string&, Tensor& t, Kind) { f(t); }, nullptr);
}

void ModuleBase::to(DType dtype) {
  HEARTH_CHECK(is_floating_point(dtype), "Module::to: parameters are floating-point, but the dtype is ", dtype);
  NoGrad off;
  replace_tensors([&](Tensor& t) {
    if (t.defined() && t.is_floating_point() && t.dtype() != dtype) swap_memory(t, t.to(dtype));
  });
}
void ModuleBase::to(Device device) {
  NoGrad off;
  replace_tensors([&](Tensor& t) {
    if (t.defined() && t.device() != device) swap_memory(t, t.to(device));
  });
}
void ModuleBase::to_empty(Device device) {
  std::set<TensorImpl*> seen;
  replace_tensors([&](Tensor& t) {
    if (!t.defined() || !seen.insert(t.impl()).second) return;
    const Layout& l = t.layout();
    swap_memory(t, hearth::detail::empty_strided(l.shape, l.dense ? l.strides : contiguous_strides(l.shape), t.dtype(),
                                                 device, "to_empty"));
  });
}

bool ModuleBase::computes(const std::string& parameter) const { return computed_ && computed_.get()->find(parameter); }

void ModuleBase::empty_computed() {
  apply([](ModuleBase& m) {
    if (!m.computed_) return;
    for (const auto& p : m.computed_.get()->all) *detail::ModuleAccess::place(m, p.name) = Tensor();
  });
}

std::vector<std::string> ModuleBase::own_tensors() {
  std::vector<std::string> names;
  const std::function<void(const std::string&, ModuleBase&)> module = [](const std::string&, ModuleBase&) {};
  const std::function<void(const std::string&, Tensor&)> parameter = [&](const std::string& n, Tensor& t) {
    if (t.defined() && !computes(n)) names.push_back(n);
  };
  for (const Entry& e : entries_) {
    if (e.kind != Kind::kModule) parameter(e.name, *static_cast<Tensor*>(at(e)));
  }
  type_->visit_owned(*this, {module, parameter});
  if (computed_) computed_.get()->visit({module, parameter});
  return names;
}

std::string ModuleBase::without_reset() {
  struct Level {
    ModuleBase* module;
    std::string path;
    std::string own;
  };
  std::vector<Level> above, without;
  const auto note = [&](const Level& l, const std::string& name) {
    const auto known = std::ranges::find_if(without, [&](const Level& w) { return w.module == l.module; });
    if (known == without.end()) without.push_back({l.module, l.path, name});
    else known->own += ", " + name;
  };
  const auto look = [&](const std::string& path, ModuleBase& m) {
    above.push_back({&m, path, ""});
    if (m.type_->reset) return;
    auto owner = above.rbegin();
    // A list of parameters belongs to the next module above that is more than a list itself.
    const auto is_list = [](const ModuleBase& l) {
      return l.type_->of_parent || (l.entries_.empty() && !l.type_->reset);
    };
    while (m.type_->of_parent && std::next(owner) != above.rend() && is_list(*owner->module)) ++owner;
    if (owner->module->type_->reset) return;
    const std::string prefix = owner->module == &m ? "" : path.substr(owner->path.empty() ? 0 : owner->path.size() + 1);
    for (const std::string& n : m.own_tensors()) note(*owner, prefix.empty() ? n : concat(prefix, ".", n));
  };
  visit("", nullptr, look, [&](const std::string&, ModuleBase&) { above.pop_back(); });
  std::string text;
  for (const Level& w : without) {
    text += concat(text.empty() ? "" : "; ", w.module->type_name(), w.path.empty() ? "" : " '" + w.path + "'", " owns ",
                   w.own);
  }
  return text;
}

void ModuleBase::initialize() {
  const std::string without = without_reset();
  HEARTH_CHECK(without.empty(),
               "initialize: these modules own tensors but have no public reset_parameters(): ", without);
  visit("", nullptr, nullptr, [](const std::string&, ModuleBase& m) {
    if (!m.type_->reset) return;
    if (!m.computed_) return m.type_->reset(m);
    m.computed_.get()->reset(m, [&] { m.type_->reset(m); });
  });
}

detail::ComputedParametersBox& detail::ModuleAccess::computed(ModuleBase& m) { return m.computed_; }

Tensor* detail::ModuleAccess::place(ModuleBase& m, const std::string& name) {
  for (const ModuleBase::Entry& e : m.entries_) {
    if (e.kind == ModuleBase::Kind::kParameter && e.name == name) return static_cast<Tensor*>(m.at(e));
  }
  Tensor* found = nullptr;
  const std::function<void(const std::string&, ModuleBase&)> module = [](const std::string&, ModuleBase&) {};
  const std::function<void(const std::string&, Tensor&)> parameter = [&](const std::string& n, Tensor& t) {
    if (n == name) found = &t;
  };
  m.type_->visit_owned(m, {module, parameter});
  return found;
}

void detail::ModuleAccess::visit_tensors(ModuleBase& m, const std::function<void(const std::string&, Tensor&)>& f) {
  m.visit(
      "", [&](const std::string& n, Tensor& t, ModuleBase::Kind) { f(n, t); }, nullptr);
}

// New lists each time: a call that is running keeps those it began with, and so do copies.
template <class F>
HookHandle ModuleBase::add_hook(F add) {
  auto hooks = hooks_ ? std::make_shared<detail::ModuleHooks>(*hooks_) : std::make_shared<detail::ModuleHooks>();
  HookHandle handle = add(*hooks);
  hooks_ = std::move(hooks);
  return handle;
}
HookHandle ModuleBase::register_forward_pre_hook(ForwardPreHook hook, bool prepend) {
  HEARTH_CHECK(hook, "register_forward_pre_hook: the function is empty");
  return add_hook([&](detail::ModuleHooks& h) { return h.before.add(std::move(hook), prepend); });
}
HookHandle ModuleBase::register_forward_hook(ForwardHook hook, ForwardHookOptions options) {
  HEARTH_CHECK(hook, "register_forward_hook: the function is empty");
  return add_hook([&](detail::ModuleHooks& h) {
    return h.after.add({std::move(hook), options.always_call}, options.prepend);
  });
}
HookHandle ModuleBase::register_full_backward_pre_hook(FullBackwardPreHook hook) {
  HEARTH_CHECK(hook, "register_full_backward_pre_hook: the function is empty");
  return add_hook([&](detail::ModuleHooks& h) { return h.before_backward.add(std::move(hook)); });
}
HookHandle ModuleBase::register_full_backward_hook(FullBackwardHook hook) {
  HEARTH_CHECK(hook, "register_full_backward_hook: the function is empty");
  return add_hook([&](detail::ModuleHooks& h) { return h.after_backward.add(std::move(hook)); });
}

Parameter::Parameter(ModuleBase* module, const char* name, Tensor value, bool requires_grad)
    : Tensor(std::move(value)) {
  HEARTH_CHECK(module, "Parameter: '", name, "' needs the module that it belongs to: {this, \"name\", tensor}");
  module->add(name, static_cast<Tensor*>(this), ModuleBase::Kind::kParameter);
  if (defined() && requires_grad && !this->requires_grad()) requires_grad_();
}

Buffer::Buffer(ModuleBase* module, const char* name, Tensor value, bool persistent) : Tensor(std::move(value)) {
  HEARTH_CHECK(module, "Buffer: '", name, "' needs the module that it belongs to: {this, \"name\", tensor}");
  module->add(name, static_cast<Tensor*>(this),
              persistent ? ModuleBase::Kind::kBuffer : ModuleBase::Kind::kTransientBuffer);
}

}  // namespace hearth::nn
