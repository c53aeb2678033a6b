// Module: a struct of parameters, buffers and other modules, with a forward.
//
//   struct Block : nn::Module<Block> {
//     nn::Linear a{this, "a", 100, 100};
//     Tensor forward(const Tensor& x) const { return relu(a(x)); }
//   };
//   struct Net : nn::Module<Net> {
//     Block block{this, "block"};
//     nn::Linear out{this, "out", 100, 10};
//     Tensor forward(const Tensor& x) const { return out(block(x)); }
//   };
//
// {this, "name"} makes a member known to its parent. A module that has constructors, private members or virtual
// functions of its own takes them only by a constructor (parent, name, ...) that hands them to Module(parent, name);
// without one it is a member as nn::Member<Block> block{this, "block", arguments...}.
//
// A member registers its name and its offset in the parent, so a copy is wired by itself and no pointer to a parent is
// kept. Copying a module copies handles: both then share their tensors; nn::clone() copies the tensors too. Modules do
// not move. Changing a module needs exclusive use; a forward without running statistics may run in many threads at
// once.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/base/name_check.h"
#include "core/base/thread_state.h"
#include "core/nn/computed_parameters.h"
#include "core/nn/module_hooks.h"
#include "core/tensor/tensor.h"

namespace hearth::nn {

/// Tensors by name, as PyTorch names them: "encoder.0.weight".
using StateDict = std::map<std::string, Tensor>;

class ModuleBase;

namespace detail {

// What a module owns outside of itself, told by a member function `void visit_owned(const Owned&)`.
struct Owned {
  const std::function<void(const std::string& name, ModuleBase&)>& module;
  const std::function<void(const std::string& name, Tensor&)>& parameter;
};

// One for each type of module.
struct ModuleType {
  const std::type_info* id;
  size_t size;
  const void* (*object)(const ModuleBase&);  // where the whole object begins
  void (*visit_owned)(ModuleBase&, const Owned&);
  void (*renamed)(ModuleBase&);  // after its name has changed: `void name_items()`
  void (*reset)(ModuleBase&);    // its `void reset_parameters()`; null if it has none
  // Its `void upgrade_state(StateDict& state, const std::string& prefix) const`; null if it has none.
  void (*upgrade_state)(const ModuleBase&, StateDict& state, const std::string& prefix);
  // Its `std::string repr_name() const` and `std::string extra_repr() const`; empty where it has none.
  std::string (*repr_name)(const ModuleBase&);
  std::string (*extra_repr)(const ModuleBase&);
  bool of_parent;  // the module that it is a member of gives its parameters values: `ValuesOfParent`
};

// Of a member function's type: it is not ModuleBase's own.
template <class F>
concept OwnRepr = !std::is_same_v<F, std::string (ModuleBase::*)() const>;

template <class D>
const ModuleType* module_type();

// As a user writes it: "nn::Linear".
std::string type_name(const std::type_info& type);

// What parametrizations and calls with other tensors reach into.
class ModuleAccess {
 public:
  static ComputedParametersBox& computed(ModuleBase& m);
  // Where a parameter of the module itself stands; null if it has none of that name.
  static Tensor* place(ModuleBase& m, const std::string& name);
  // Calls f with each tensor of the module and all below, and its name.
  static void visit_tensors(ModuleBase& m, const std::function<void(const std::string& name, Tensor&)>& f);
  // A state in the names of today: after the upgrade_state() of all modules and parametrizations.
  static StateDict upgraded(ModuleBase& m, StateDict state);
};

}  // namespace detail

/// What all modules have, whatever their type: their tensors by name, training mode, device, hooks. "Below" a module
/// are its members, their members and so on, and what lists among them hold. Do not derive from it but from Module.
///
/// Hooks run when the module is called, m(x), not by m.forward(x), in the calling thread. A copy of the module has the
/// hooks it was copied with. Registering needs exclusive use of the module; a handle may remove at any time.
/// Registering an empty function throws Error.
class ModuleBase {
 public:
  /// A parent is only half of {this, "name"}; see Module.
  ModuleBase(ModuleBase* parent = nullptr) : parent_(parent) {}  // NOLINT(google-explicit-constructor)
  /// A copy shares the tensors, and has the hooks that the other one has now.
  ModuleBase(const ModuleBase&) = default;
  ModuleBase& operator=(const ModuleBase&) = delete;

  /// The parameters of this module and all below, in the order of registration. One that several modules share is
  /// listed once. The tensors are the module's own, not copies.
  std::vector<Tensor> parameters() const;
  /// The same with their names. One that several modules share is listed under each of its names.
  std::vector<std::pair<std::string, Tensor>> named_parameters() const;
  /// The buffers of this module and all below with their names, those that are not persistent included.
  std::vector<std::pair<std::string, Tensor>> named_buffers() const;
  /// This module, under the name "", and all below with their paths; each before those below it.
  std::vector<std::pair<std::string, ModuleBase*>> named_modules();
  /// The same of a module that is not changed.
  std::vector<std::pair<std::string, const ModuleBase*>> named_modules() const;
  /// The modules right below this one, with their names; an item of a list belongs to the list. What belongs to a
  /// parametrization is named "parametrizations.weight.0".
  std::vector<std::pair<std::string, ModuleBase*>> named_children();
  /// The same of a module that is not changed.
  std::vector<std::pair<std::string, const ModuleBase*>> named_children() const;
  /// named_children() without the names.
  std::vector<ModuleBase*> children();
  /// The same of a module that is not changed.
  std::vector<const ModuleBase*> children() const;
  /// The module of this path, "encoder.0"; this one for "". Throws Error, with what there is, if there is none.
  ModuleBase& get_submodule(const std::string& path);
  /// The same of a module that is not changed.
  const ModuleBase& get_submodule(const std::string& path) const;
  /// The parameter of this path, "encoder.0.weight": the module's own tensor, not a copy. Throws Error, with what there
  /// is, if there is none.
  Tensor get_parameter(const std::string& path) const;
  /// The same of a buffer.
  Tensor get_buffer(const std::string& path) const;
  /// The number of elements of parameters() together.
  int64_t parameter_count() const;

  /// The parameters and persistent buffers of this module and all below. The tensors are the module's own, not copies.
  StateDict state_dict() const;
  /// Copies values into the module's tensors, converted to their dtypes and brought to their devices; handles, and with
  /// them optimizers, stay valid. With `strict` the names must agree exactly; else those in both are loaded, and the
  /// others are told. Throws Error naming every missing or unexpected name, every undefined tensor, every wrong shape,
  /// and every tensor that is meta on one side only; nothing is changed then.
  ///
  /// Names of older versions are known: states of norms may have no num_batches_tracked, and those of weight_norm()
  /// may have weight_g and weight_v. A module of one's own that had other names has a public
  /// `void upgrade_state(StateDict& state, const std::string& prefix) const`, which changes the names of the state,
  /// prefix + "weight", to those of today.
  NameDifferences load_state_dict(const StateDict& state, bool strict = true);

  /// Switches training mode for this module and all below: in it dropout drops and batch norm uses the batch's
  /// statistics. It is on in a new module.
  void train(bool on = true);
  /// train(false).
  void eval() { train(false); }
  /// True in training mode.
  bool training() const { return training_; }

  /// Drops the gradients of parameters(): their grad() is undefined afterwards.
  void zero_grad();
  /// Tensor::requires_grad_() of all parameters().
  void requires_grad_(bool on = true);
  /// Converts all floating-point parameters and buffers of this module and all below to the dtype. Handles stay valid,
  /// see swap_memory(). Throws Error unless the dtype is floating-point.
  void to(DType dtype);
  /// Brings all parameters and buffers of this module and all below to the device. Handles stay valid, see
  /// swap_memory(). Throws Error for a meta tensor, which has no values: call to_empty().
  void to(Device device);

  /// Gives all tensors below memory on the device, uninitialised, behind their handles: the second step of building a
  /// model without memory (under DefaultDevice(kMeta)). Then load_state_dict() or initialize(); buffers that are in no
  /// state_dict get their values from initialize() only. Gradients are dropped where they no longer fit. Tensors that
  /// were views of one another are none afterwards; one that several modules hold stays one.
  void to_empty(Device device);
  /// Gives all tensors below their first values anew, by a call of reset_parameters() of every module that has one: the
  /// members of a module before the module itself, in the order in which constructors do it, so that the random
  /// generator gives the same values. A module of one's own that owns parameters or buffers has a public
  /// `void reset_parameters()`, which also gives the parameters in its ParameterLists and ParameterDicts values. Throws
  /// Error, before anything is changed, naming the modules that should have one.
  void initialize();
  /// Calls f with this module and all below, each before those below it.
  void apply(const std::function<void(ModuleBase&)>& f);

  /// This module as an M, or null if it is another type: if (auto* l = m.as<nn::Linear>()) init::zeros_(l->weight);
  template <class M>
  M* as() {
    return *type_->id == typeid(M) ? static_cast<M*>(this) : nullptr;
  }
  /// The same of a module that is not changed.
  template <class M>
  const M* as() const {
    return *type_->id == typeid(M) ? static_cast<const M*>(this) : nullptr;
  }
  /// The name of the module's C++ type, without hearth:: and unnamed namespaces: "nn::Linear".
  std::string type_name() const;
  /// What to_string() (core/nn/summary.h) calls the module: "Linear". A module of one's own may have a public
  /// `std::string repr_name() const`; without it, it is the type's name alone.
  std::string repr_name() const;
  /// What to_string() tells of the module in parentheses: what its public `std::string extra_repr() const` gives, as
  /// "in_features=2, out_features=3, bias=True"; empty without one.
  std::string extra_repr() const { return type_->extra_repr(*this); }

  /// Calls the hook before each forward.
  HookHandle register_forward_pre_hook(ForwardPreHook hook, bool prepend = false);
  /// Calls the hook after each forward.
  HookHandle register_forward_hook(ForwardHook hook, ForwardHookOptions options = {});
  /// Calls the hook in backward, when the gradients of the result's tensors are there.
  HookHandle register_full_backward_pre_hook(FullBackwardPreHook hook);
  /// Calls the hook in backward, when the gradients of the tensors among forward's arguments are there; right after
  /// those of the result where no argument wants a gradient. The module must live until then. Tensors in arguments and
  /// results that share memory with tensors outside of the call cannot be written in place while gradients are on.
  /// Throws Error, from the call, where the result is of a type that does not tell its tensors.
  HookHandle register_full_backward_hook(FullBackwardHook hook);

  /// The module's name within its parent, as errors and traces call it; empty for one that is no member.
  const std::string& name() const { return name_; }

  /// The destructor is not virtual, so that a plain struct of modules is an aggregate and takes {this, "name"}: a
  /// module is deleted as what it is.
  static void operator delete(void*) = delete;

 protected:
  /// Names a child that is not a member, such as an item of a list, as errors and traces shall call it.
  static void set_name(ModuleBase& child, std::string name);

 private:
  friend class Parameter;
  friend class Buffer;
  friend class ModuleScope;
  template <class D>
  friend class ModuleName;
  template <class D>
  friend struct Module;
  template <class M>
  friend class Member;
  template <class D>
  friend std::unique_ptr<D> clone(const D& module);
  friend class detail::ModuleAccess;

  enum class Kind : uint8_t { kModule, kParameter, kBuffer, kTransientBuffer };
  struct Entry {
    std::string name;
    std::ptrdiff_t offset;
    Kind kind;
  };
  void begin(const detail::ModuleType* type, const char* name);
  void attach(ModuleBase* parent, const char* name);
  void add(const char* name, const void* member, Kind kind);
  void* at(const Entry& e) { return reinterpret_cast<char*>(this) + e.offset; }
  using OnTensor = std::function<void(const std::string&, Tensor&, Kind)>;
  using OnModule = std::function<void(const std::string&, ModuleBase&)>;
  // on_module is called before the members of a module are visited, after_module afterwards.
  void visit(const std::string& prefix, const OnTensor& on_tensor, const OnModule& on_module,
             const OnModule& after_module = nullptr);
  // What reads only may visit a const module.
  void visit_tensors(const std::function<void(const std::string&, const Tensor&, Kind)>& f) const;
  void replace_tensors(const std::function<void(Tensor&)>& f);
  template <class F>
  HookHandle add_hook(F add);
  bool computes(const std::string& parameter) const;
  // Empties the places of computed parameters, of this module and all below: a copy that is made within a call has
  // what the call computed.
  void empty_computed();
  // The names of tensors that the module owns itself.
  std::vector<std::string> own_tensors();
  // The deepest module along the path, and what is left of it; the path of that module is written to `way`.
  std::pair<ModuleBase*, std::string> follow(const std::string& path, std::string& way);
  Tensor get_tensor(const char* what, const char* kind, const std::string& path, bool parameter) const;
  // What owns tensors that no reset_parameters() gives values: "" if there is nothing.
  std::string without_reset();

  ModuleBase* parent_;  // between the constructors of ModuleBase and of ModuleName
  const detail::ModuleType* type_ = nullptr;
  std::vector<Entry> entries_;
  std::string name_;
  bool training_ = true;
  bool member_ = false;                               // of another module
  std::shared_ptr<const detail::ModuleHooks> hooks_;  // null until one is registered
  detail::ComputedParametersBox computed_;            // by parametrizations
};

/// The second half of {this, "name"}; see Module.
template <class D>
class ModuleName {
 public:
  /// Throws Error for a member whose name is empty, has a dot, or is that of another member, and for a module that does
  /// not lie inside of its parent.
  ModuleName(const char* name = "") {  // NOLINT(google-explicit-constructor)
    static_cast<ModuleBase&>(static_cast<D&>(*this)).begin(detail::module_type<D>(), name);
  }
};

/// A tensor that is trained. A copy shares it. nn::Parameter weight{this, "weight", randn({2, 3})};
class Parameter : public Tensor {
 public:
  /// Registers `value`, the tensor itself, with the module, and marks it to collect a gradient if it is defined and
  /// `requires_grad`. An undefined one is in no list and no state_dict. Throws Error for a null module, a name that is
  /// empty, has a dot, or is that of another member, for a parameter that does not lie inside of the module, and for a
  /// value that is to have a gradient and is not floating-point.
  Parameter(ModuleBase* module, const char* name, Tensor value, bool requires_grad = true);
  /// Another handle of the same tensor. It registers nothing.
  Parameter(const Parameter&) = default;
  /// Becomes another handle of the other tensor. No values are copied.
  Parameter& operator=(const Parameter&) = default;
};

/// A tensor that belongs to the state but is not trained. A copy shares it.
class Buffer : public Tensor {
 public:
  /// Registers `value`, the tensor itself, with the module. A buffer that is not persistent is left out of the
  /// state_dict. Throws Error for a null module, a name that is empty, has a dot, or is that of another member, and for
  /// a buffer that does not lie inside of the module.
  Buffer(ModuleBase* module, const char* name, Tensor value, bool persistent = true);
  /// Another handle of the same tensor. It registers nothing.
  Buffer(const Buffer&) = default;
  /// Becomes another handle of the other tensor. No values are copied.
  Buffer& operator=(const Buffer&) = default;
};

/// The time in which a module's forward runs: its name stands in the path of errors and traces.
class ModuleScope {
 public:
  /// Begins it in this thread. Throws Error if it is called by another module's forward and is no member of any module:
  /// it would not be trained, saved or moved.
  explicit ModuleScope(const ModuleBase& m)
      : scope_{m.name().c_str(), thread_state.scope}, outer_(thread_state.module) {
    if (outer_ && !m.member_) [[unlikely]]
      refuse(m);
    thread_state.scope = &scope_;
    thread_state.module = &m;
  }
  ~ModuleScope() {
    thread_state.scope = scope_.parent;
    thread_state.module = outer_;
  }
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  [[noreturn]] static void refuse(const ModuleBase& m);
  NameScope scope_;
  const void* outer_;
};

/// Base of every module: struct Block : nn::Module<Block>. The call operator enters the module's name scope, runs its
/// hooks and calls forward. An aggregate, so that a struct derived from it is one, and {this, "name"} reaches
/// ModuleBase and ModuleName.
template <class D>
struct Module : ModuleBase, ModuleName<D> {
  /// Calls forward(a...), and the hooks before and after it. Gives what forward gives, but by value where that is a
  /// reference to something with tensors. Throws Error if another module's forward calls it and it is no member of any
  /// module. Errors of ops name the module's path.
  template <class... A>
  requires requires(D& d, A&&... a) { d.forward(std::forward<A>(a)...); }
  decltype(auto) operator()(A&&... a) { return call(static_cast<D&>(*this), *this, std::forward<A>(a)...); }
  /// The same with a forward that is const.
  template <class... A>
  requires requires(const D& d, A&&... a) { d.forward(std::forward<A>(a)...); }
  decltype(auto) operator()(A&&... a) const {
    return call(static_cast<const D&>(*this), const_cast<Module&>(*this), std::forward<A>(a)...);
  }

  /// Makes up for ModuleBase's deleted one: a module is deleted as what it is.
  static void operator delete(void* p) { ::operator delete(p); }
  /// The same for modules of greater alignment.
  static void operator delete(void* p, std::align_val_t a) { ::operator delete(p, a); }

 private:
  template <class Self, class... A>
  static auto call(Self& self, ModuleBase& base, A&&... a)
      -> detail::Returned<decltype(self.forward(std::forward<A>(a)...))> {
    const ModuleScope scope(base);
    if (!base.hooks_ && !base.computed_) [[likely]]
      return self.forward(std::forward<A>(a)...);
    if (base.hooks_) return HookedCall::run(base.hooks_, self, base, std::forward<A>(a)...);
    const detail::ComputedScope computed(base);
    return self.forward(std::forward<A>(a)...);
  }
};

/// A module of any type as a member: nn::Member<Block> block{this, "block", arguments...}.
template <class M>
class Member : public M {
 public:
  /// Constructs M from the arguments after the name. A null parent makes it no member. Throws Error as ModuleName.
  template <class... A>
  Member(ModuleBase* parent, const char* name, A&&... a) : M(std::forward<A>(a)...) {
    this->attach(parent, name);
  }
};

namespace detail {
template <class D>
concept ValuesAreParents = requires {
  typename D::ValuesOfParent;
};

template <class D>
const ModuleType* module_type() {
  static constexpr ModuleType type{
      .id = &typeid(D),
      .size = sizeof(D),
      .object = [](const ModuleBase& m) -> const void* { return static_cast<const D*>(&m); },
      .visit_owned =
          [](ModuleBase& m, const Owned& owned) {
            if constexpr (requires(D & d) { d.visit_owned(owned); }) static_cast<D&>(m).visit_owned(owned);
          },
      .renamed =
          [](ModuleBase& m) {
            if constexpr (requires(D & d) { d.name_items(); }) static_cast<D&>(m).name_items();
          },
      .reset =
          [] {
            void (*reset)(ModuleBase&) = nullptr;
            if constexpr (requires(D & d) { d.reset_parameters(); })
              reset = [](ModuleBase& m) { static_cast<D&>(m).reset_parameters(); };
            return reset;
          }(),
      .upgrade_state =
          [] {
            void (*upgrade)(const ModuleBase&, StateDict&, const std::string&) = nullptr;
            if constexpr (requires(const D& d, StateDict& s, const std::string& p) { d.upgrade_state(s, p); })
              upgrade = [](const ModuleBase& m, StateDict& state, const std::string& prefix) {
                static_cast<const D&>(m).upgrade_state(state, prefix);
              };
            return upgrade;
          }(),
      .repr_name = [](const ModuleBase& m) -> std::string {
        if constexpr (detail::OwnRepr<decltype(&D::repr_name)>) return static_cast<const D&>(m).repr_name();
        else return "";
      },
      .extra_repr = [](const ModuleBase& m) -> std::string {
        if constexpr (detail::OwnRepr<decltype(&D::extra_repr)>) return static_cast<const D&>(m).extra_repr();
        else return "";
      },
      .of_parent = ValuesAreParents<D>};
  return &type;
}
}  // namespace detail

/// A copy with tensors of its own, which have neither gradients nor gradient history; whether they require one stays.
/// Tensors that were shared within the module stay shared within the copy.
template <class D>
std::unique_ptr<D> clone(const D& module) {
  auto copy = std::make_unique<D>(module);
  copy->empty_computed();
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
