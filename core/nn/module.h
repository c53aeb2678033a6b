// Module: a struct of parameters, buffers and other modules, with a forward.
//
//   struct Net : nn::Module<Net> {
//     nn::Linear a{this, "a", 784, 100}, b{this, "b", 100, 10};
//     Tensor forward(const Tensor& x) { return b(relu(a(x))); }
//   };
//
// A member registers its name and its offset in the parent, so a copy is wired by itself and no pointer to a parent is
// kept. Copying a module copies handles: both then share their tensors; nn::clone() copies the tensors too. Modules do
// not move. Changing a module needs exclusive use; a forward without running statistics may run in many threads at
// once.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/thread_state.h"
#include "core/tensor/tensor.h"

namespace hearth::nn {

// Tensors by name, as PyTorch names them: "encoder.0.weight".
using StateDict = std::map<std::string, Tensor>;

class ModuleBase {
 public:
  ModuleBase() = default;
  ModuleBase(ModuleBase* parent, const char* name);
  ModuleBase(const ModuleBase&) = default;
  ModuleBase& operator=(const ModuleBase&) = delete;
  virtual ~ModuleBase() = default;

  // All tensors below, in the order of registration. A tensor that several modules share is listed once by
  // parameters(), and under each of its names by the named forms.
  std::vector<Tensor> parameters();
  std::vector<std::pair<std::string, Tensor>> named_parameters();
  std::vector<std::pair<std::string, Tensor>> named_buffers();
  std::vector<std::pair<std::string, ModuleBase*>> named_modules();
  int64_t parameter_count();

  // Parameters and persistent buffers. The tensors are the module's own, not copies.
  StateDict state_dict();
  // Copies values into the module's tensors; handles, and with them optimizers, stay valid. strict: names must agree
  // exactly. Throws Error naming every missing or unexpected name and every wrong shape; nothing is changed then.
  void load_state_dict(const StateDict& state, bool strict = true);

  // Training mode, for this module and all below: dropout drops, batch norm uses the batch's statistics.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  void zero_grad();
  void requires_grad_(bool on = true);
  // Changes the tensors behind the handles; only floating-point tensors change dtype.
  void to(DType dtype);
  void to(Device device);
  void apply(const std::function<void(ModuleBase&)>& f);

  // Called before each forward of this module.
  void register_forward_pre_hook(std::function<void(ModuleBase&)> hook);
  // Called with the result of each forward that gives a Tensor; a defined result replaces it.
  void register_forward_hook(std::function<Tensor(ModuleBase&, const Tensor&)> hook);

  const std::string& name() const { return name_; }

 protected:
  // Children that are not members: what a container owns.
  virtual void for_each_owned(const std::function<void(const std::string&, ModuleBase&)>&) {}
  // Names a child that is not a member, as errors and traces shall call it.
  static void set_name(ModuleBase& child, std::string name) { child.name_ = std::move(name); }

 private:
  friend class Parameter;
  friend class Buffer;
  template <class D>
  friend class Module;
  template <class D>
  friend std::unique_ptr<D> clone(const D& module);

  enum class Kind : uint8_t { kModule, kParameter, kBuffer, kTransientBuffer };
  struct Entry {
    std::string name;
    std::ptrdiff_t offset;
    Kind kind;
  };
  struct Hooks {
    std::vector<std::function<void(ModuleBase&)>> before;
    std::vector<std::function<Tensor(ModuleBase&, const Tensor&)>> after;
  };
  void add(const char* name, const void* member, Kind kind);
  void* at(const Entry& e) { return reinterpret_cast<char*>(this) + e.offset; }
  void visit(const std::string& prefix, const std::function<void(const std::string&, Tensor&, Kind)>& on_tensor,
             const std::function<void(const std::string&, ModuleBase&)>& on_module);
  void replace_tensors(const std::function<void(Tensor&)>& f);
  void run_before();
  Tensor run_after(Tensor result);

  std::vector<Entry> entries_;
  std::string name_;
  bool training_ = true;
  std::shared_ptr<Hooks> hooks_;
};

// A tensor that is trained. Copying shares it.
class Parameter : public Tensor {
 public:
  Parameter(ModuleBase* module, const char* name, Tensor value, bool requires_grad = true);
  Parameter(const Parameter&) = default;
  Parameter& operator=(const Parameter&) = default;
};

// A tensor that belongs to the state but is not trained. A buffer that is not persistent is left out of the state_dict.
class Buffer : public Tensor {
 public:
  Buffer(ModuleBase* module, const char* name, Tensor value, bool persistent = true);
  Buffer(const Buffer&) = default;
  Buffer& operator=(const Buffer&) = default;
};

// Base of every module: the call operator enters the module's name scope, runs its hooks and calls forward.
template <class D>
class Module : public ModuleBase {
 public:
  using ModuleBase::ModuleBase;

  template <class... A>
  requires requires(D& d, A&&... a) { d.forward(std::forward<A>(a)...); }
  decltype(auto) operator()(A&&... a) { return call(static_cast<D&>(*this), *this, std::forward<A>(a)...); }
  template <class... A>
  requires requires(const D& d, A&&... a) { d.forward(std::forward<A>(a)...); }
  decltype(auto) operator()(A&&... a) const {
    return call(static_cast<const D&>(*this), const_cast<Module&>(*this), std::forward<A>(a)...);
  }

 private:
  struct Scope {
    NameScope scope;
    explicit Scope(const ModuleBase& m) : scope{m.name().c_str(), thread_state.scope} { thread_state.scope = &scope; }
    ~Scope() { thread_state.scope = scope.parent; }
  };
  template <class Self, class... A>
  static decltype(auto) call(Self& self, Module& base, A&&... a) {
    Scope scope(base);
    using Result = decltype(self.forward(std::forward<A>(a)...));
    if constexpr (std::is_same_v<Result, Tensor>) {
      if (!base.hooks_) return self.forward(std::forward<A>(a)...);
      base.run_before();
      return base.run_after(self.forward(std::forward<A>(a)...));
    } else {
      if (base.hooks_) base.run_before();
      return self.forward(std::forward<A>(a)...);
    }
  }
};

// A copy with tensors of its own; tensors that were shared within the module stay shared within the copy.
template <class D>
std::unique_ptr<D> clone(const D& module) {
  auto copy = std::make_unique<D>(module);
  std::map<TensorImpl*, Tensor> memo;
  copy->replace_tensors([&](Tensor& t) {
    if (!t.defined()) return;
    Tensor& mine = memo[t.impl()];
    if (!mine.defined()) {
      mine = t.detach().clone();
      if (t.requires_grad()) mine.requires_grad_();
    }
    t = mine;
  });
  return copy;
}

}  // namespace hearth::nn
