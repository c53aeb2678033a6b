#include "core/nn/module.h"

#include <set>

#include "core/autograd/guards.h"
#include "core/base/error.h"

namespace hearth::nn {

ModuleBase::ModuleBase(ModuleBase* parent, const char* name) : name_(name) {
  if (parent) parent->add(name, this, Kind::kModule);
}

void ModuleBase::add(const char* name, const void* member, Kind kind) {
  const std::string text = name;
  HEARTH_CHECK(!text.empty() && text.find('.') == std::string::npos,
               "module: a member's name must not be empty or contain a dot, but is '", text, "'");
  for (const Entry& e : entries_) HEARTH_CHECK(e.name != text, "module: two members are named '", text, "'");
  const std::ptrdiff_t offset = static_cast<const char*>(member) - reinterpret_cast<const char*>(this);
  constexpr std::ptrdiff_t kLargest = 1 << 24;
  HEARTH_CHECK(offset > 0 && offset < kLargest, "module: '", text,
               "' does not lie inside of its parent; only data members register with `this` (ModuleList holds lists)");
  entries_.push_back({text, offset, kind});
}

void ModuleBase::visit(const std::string& prefix,
                       const std::function<void(const std::string&, Tensor&, Kind)>& on_tensor,
                       const std::function<void(const std::string&, ModuleBase&)>& on_module) {
  if (on_module) on_module(prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1), *this);
  for (const Entry& e : entries_) {
    if (e.kind == Kind::kModule) {
      static_cast<ModuleBase*>(at(e))->visit(prefix + e.name + ".", on_tensor, on_module);
    } else if (on_tensor) {
      on_tensor(prefix + e.name, *static_cast<Tensor*>(at(e)), e.kind);
    }
  }
  for_each_owned([&](const std::string& n, ModuleBase& m) { m.visit(prefix + n + ".", on_tensor, on_module); });
}

std::vector<std::pair<std::string, Tensor>> ModuleBase::named_parameters() {
  std::vector<std::pair<std::string, Tensor>> out;
  visit(
      "",
      [&](const std::string& n, Tensor& t, Kind k) {
        if (k == Kind::kParameter && t.defined()) out.emplace_back(n, t);
      },
      nullptr);
  return out;
}
std::vector<std::pair<std::string, Tensor>> ModuleBase::named_buffers() {
  std::vector<std::pair<std::string, Tensor>> out;
  visit(
      "",
      [&](const std::string& n, Tensor& t, Kind k) {
        if (k != Kind::kParameter && t.defined()) out.emplace_back(n, t);
      },
      nullptr);
  return out;
}
std::vector<Tensor> ModuleBase::parameters() {
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
int64_t ModuleBase::parameter_count() {
  int64_t n = 0;
  for (const Tensor& t : parameters()) n += t.numel();
  return n;
}

StateDict ModuleBase::state_dict() {
  StateDict out;
  visit(
      "",
      [&](const std::string& n, Tensor& t, Kind k) {
        if (k != Kind::kTransientBuffer && t.defined()) out[n] = t;
      },
      nullptr);
  return out;
}

void ModuleBase::load_state_dict(const StateDict& state, bool strict) {
  StateDict own = state_dict();
  std::string wrong;
  const auto note = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  for (const auto& [name, t] : own) {
    const auto found = state.find(name);
    if (found == state.end()) {
      if (strict) note("missing: " + name);
    } else if (!found->second.defined()) {
      note(name + " is undefined");
    } else if (!(found->second.shape() == t.shape())) {
      note(name + " has shape " + to_string(found->second.shape()) + ", expected " + to_string(t.shape()));
    }
  }
  for (const auto& [name, t] : state) {
    if (strict && !own.count(name)) note("unexpected: " + name);
  }
  HEARTH_CHECK(wrong.empty(), "load_state_dict: ", wrong);
  NoGrad off;
  for (auto& [name, t] : own) {
    const auto found = state.find(name);
    if (found != state.end()) t.copy_(found->second.to(t.device()));
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

namespace {
// Gives the tensor another's memory, so that every handle sees it.
void take_memory(Tensor& t, const Tensor& from) {
  TensorImpl& i = *t.impl();
  i.dtype = from.dtype();
  i.layout = from.layout();
  i.storage = from.impl()->storage;
  t.set_grad({});
}
}  // namespace

void ModuleBase::to(DType dtype) {
  NoGrad off;
  replace_tensors([&](Tensor& t) {
    if (t.defined() && t.is_floating_point() && t.dtype() != dtype) take_memory(t, t.to(dtype));
  });
}
void ModuleBase::to(Device device) {
  NoGrad off;
  replace_tensors([&](Tensor& t) {
    if (t.defined() && t.device() != device) take_memory(t, t.to(device));
  });
}

void ModuleBase::register_forward_pre_hook(std::function<void(ModuleBase&)> hook) {
  if (!hooks_) hooks_ = std::make_shared<Hooks>();
  hooks_->before.push_back(std::move(hook));
}
void ModuleBase::register_forward_hook(std::function<Tensor(ModuleBase&, const Tensor&)> hook) {
  if (!hooks_) hooks_ = std::make_shared<Hooks>();
  hooks_->after.push_back(std::move(hook));
}
void ModuleBase::run_before() {
  const auto hooks = hooks_;
  for (auto& h : hooks->before) h(*this);
}
Tensor ModuleBase::run_after(Tensor result) {
  const auto hooks = hooks_;
  for (auto& h : hooks->after) {
    if (Tensor r = h(*this, result); r.defined()) result = std::move(r);
  }
  return result;
}

Parameter::Parameter(ModuleBase* module, const char* name, Tensor value, bool requires_grad)
    : Tensor(std::move(value)) {
  module->add(name, static_cast<Tensor*>(this), ModuleBase::Kind::kParameter);
  if (defined() && requires_grad && !this->requires_grad()) requires_grad_();
}

Buffer::Buffer(ModuleBase* module, const char* name, Tensor value, bool persistent) : Tensor(std::move(value)) {
  module->add(name, static_cast<Tensor*>(this),
              persistent ? ModuleBase::Kind::kBuffer : ModuleBase::Kind::kTransientBuffer);
}

}  // namespace hearth::nn
