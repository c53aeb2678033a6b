// Modules that hold lists of modules.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nn/module.h"

namespace hearth::nn {

/// A module, or any function of a tensor, that can stand in a Sequential: called with a tensor it gives a tensor.
template <class M>
concept TensorFunction = requires(M& m, const Tensor& t) {
  { m(t) } -> std::convertible_to<Tensor>;
};

/// One module of any type, or one function of a tensor. A copy has a copy of it, which shares its tensors (nn::clone()
/// copies those too).
class AnyModule {
 public:
  /// Holds the module or function, moved or copied in.
  template <class M>
  requires(!std::same_as<std::decay_t<M>, AnyModule> &&
           (std::derived_from<std::decay_t<M>, ModuleBase> || TensorFunction<std::decay_t<M>>))
      AnyModule(M&& m)  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : box_(std::make_unique<Box<std::decay_t<M>>>(std::forward<M>(m))) {}
  /// A copy of the module or function.
  AnyModule(const AnyModule& o) : box_(o.box_->copy()) {}
  /// Takes the module or function over. The other one can only be destroyed afterwards.
  AnyModule(AnyModule&&) noexcept = default;
  AnyModule& operator=(const AnyModule&) = delete;
  ~AnyModule() = default;

  /// Calls it. Throws Error if it is a module that takes something else than a tensor, or gives something else.
  Tensor operator()(const Tensor& x) const { return box_->call(x); }

  /// True for a module, false for a function.
  bool is_module() const { return box_->module() != nullptr; }
  /// The module. Throws Error if it is a function.
  ModuleBase& module() const {
    ModuleBase* m = box_->module();
    HEARTH_CHECK(m, "AnyModule: it holds a function, not a module");
    return *m;
  }
  /// The module as what it is: s[0].as<nn::Linear>().weight. Throws Error if it is a function or a module of another
  /// type.
  template <class M>
  M& as() const {
    M* m = module().template as<M>();
    HEARTH_CHECK(m, "AnyModule: it holds a ", module().type_name(), ", not a ", detail::type_name(typeid(M)));
    return *m;
  }

 private:
  struct BoxBase {
    virtual ~BoxBase() = default;
    virtual Tensor call(const Tensor& x) = 0;
    virtual std::unique_ptr<BoxBase> copy() const = 0;
    virtual ModuleBase* module() = 0;
  };
  template <class M>
  struct Box final : BoxBase {
    template <class From>
    explicit Box(From&& x) : m(std::forward<From>(x)) {}
    Tensor call(const Tensor& x) override {
      if constexpr (TensorFunction<M>) {
        return m(x);
      } else {
        fail("AnyModule: ", m.type_name(), " is no function of one tensor");
      }
    }
    std::unique_ptr<BoxBase> copy() const override { return std::make_unique<Box>(m); }
    ModuleBase* module() override {
      if constexpr (std::derived_from<M, ModuleBase>) return &m;
      return nullptr;
    }
    M m;
  };

  std::unique_ptr<BoxBase> box_;
};

/// Modules in a list, named "0", "1", ..., all of one type or, as ModuleList<>, of any. It has no forward of its own:
/// loop over it. A reference to an item stays valid as long as the list.
template <class M = AnyModule>
class ModuleList : public Module<ModuleList<M>> {
 public:
  /// An empty list.
  ModuleList() = default;
  /// An empty list as a member of `parent`.
  ModuleList(ModuleBase* parent, const char* name) : Module<ModuleList<M>>(parent, name) {}
  /// A list of copies of the items, which share their tensors.
  ModuleList(const ModuleList& o) : Module<ModuleList<M>>(o) {
    for (const auto& m : o.items_) items_.push_back(std::make_unique<M>(*m));
  }
  /// Constructs M(args...) at the end and gives it.
  template <class... A>
  M& emplace_back(A&&... a) {
    items_.push_back(std::make_unique<M>(std::forward<A>(a)...));
    name_item(items_.size() - 1);
    return *items_.back();
  }
  /// The number of items.
  size_t size() const { return items_.size(); }
  /// Item i. Throws Error if there is none.
  M& operator[](size_t i) const {
    HEARTH_CHECK(i < items_.size(), "ModuleList: index ", i, " is out of range for ", items_.size(), " modules");
    return *items_[i];
  }
  /// Walks over the items: for (auto& m : list).
  class Iterator {
   public:
    /// For begin() and end().
    explicit Iterator(const std::unique_ptr<M>* p) : p_(p) {}
    /// The current item.
    M& operator*() const { return **p_; }
    /// Goes on to the next item.
    Iterator& operator++() {
      ++p_;
      return *this;
    }
    /// True unless both stand at the same item.
    bool operator!=(const Iterator& o) const { return p_ != o.p_; }

   private:
    const std::unique_ptr<M>* p_;
  };
  /// The first item.
  Iterator begin() const { return Iterator(items_.data()); }
  /// One past the last item.
  Iterator end() const { return Iterator(items_.data() + items_.size()); }

  /// For ModuleBase: tells the modules among the items.
  void visit_owned(const detail::Owned& owned) {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (ModuleBase* m = module_of(*items_[i])) owned.module(std::to_string(i), *m);
    }
  }
  /// For ModuleBase: gives the items their names anew, after the list's own name has changed.
  void name_items() {
    for (size_t i = 0; i < items_.size(); ++i) name_item(i);
  }

 private:
  static ModuleBase* module_of(M& m) {
    if constexpr (std::derived_from<M, ModuleBase>) return &m;
    else return m.is_module() ? &m.module() : nullptr;
  }
  // A list is never called, so that its items carry its name; while it has none, they are no members either.
  void name_item(size_t i) {
    ModuleBase* m = module_of(*items_[i]);
    if (m && !this->name().empty()) this->set_name(*m, this->name() + "." + std::to_string(i));
  }
  std::vector<std::unique_ptr<M>> items_;
};

/// Calls its modules and functions one after the other, each with the result of the one before; named "0", "1", ...
///
///   nn::Sequential s(nn::Linear(2, 3), relu, [](const Tensor& x) { return x * 2; });
class Sequential : public Module<Sequential> {
 public:
  /// Of these modules and functions, moved or copied in.
  template <class... M>
  requires(sizeof...(M) > 0 && (TensorFunction<std::decay_t<M>> && ...) &&
           !(sizeof...(M) == 1 && (std::derived_from<std::decay_t<M>, Sequential> && ...)))  // that is a copy
      explicit Sequential(M&&... ms) {
    (push_back(std::forward<M>(ms)), ...);
  }
  /// The same as a member of `parent`. Without modules it is empty.
  template <class... M>
  requires(TensorFunction<std::decay_t<M>>&&...) Sequential(ModuleBase* parent, const char* name, M&&... ms)
      : Module(parent, name) {
    (push_back(std::forward<M>(ms)), ...);
  }
  /// Of nothing: it gives what it is given.
  Sequential() = default;
  /// A copy with copies of the modules, which share their tensors.
  Sequential(const Sequential&) = default;

  /// Adds a module or function at the end. References that operator[] gave may be invalid afterwards.
  template <class M>
  requires TensorFunction<std::decay_t<M>>
  void push_back(M&& m) {
    steps_.emplace_back(std::forward<M>(m));
    if (steps_.back().is_module()) set_name(steps_.back().module(), std::to_string(steps_.size() - 1));
  }
  /// The number of modules and functions.
  size_t size() const { return steps_.size(); }
  /// Step i: s[0].as<nn::Linear>() is the module. Throws Error if there is none.
  const AnyModule& operator[](size_t i) const {
    HEARTH_CHECK(i < steps_.size(), "Sequential: index ", i, " is out of range for ", steps_.size(), " modules");
    return steps_[i];
  }
  /// The first step.
  auto begin() const { return steps_.begin(); }
  /// One past the last step.
  auto end() const { return steps_.end(); }
  /// The last step's result; x itself if there are no steps. Throws Error, or what a function throws, from the step
  /// that fails.
  Tensor forward(const Tensor& x) const {
    Tensor y = x;
    for (const AnyModule& s : steps_) y = s(y);
    return y;
  }

  /// For ModuleBase: tells the modules among the steps.
  void visit_owned(const detail::Owned& owned) {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].is_module()) owned.module(std::to_string(i), steps_[i].module());
    }
  }

 private:
  std::vector<AnyModule> steps_;
};

}  // namespace hearth::nn
