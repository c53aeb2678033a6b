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

// A module, or any function of a tensor, that can stand in a Sequential.
template <class M>
concept TensorFunction = requires(M& m, const Tensor& t) {
  { m(t) } -> std::convertible_to<Tensor>;
};

// One module of any type, or one function of a tensor. A copy has a copy of it.
class AnyModule {
 public:
  template <class M>
  requires(!std::same_as<std::decay_t<M>, AnyModule> &&
           (std::derived_from<std::decay_t<M>, ModuleBase> || TensorFunction<std::decay_t<M>>))
      AnyModule(M&& m)  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : box_(std::make_unique<Box<std::decay_t<M>>>(std::forward<M>(m))) {}
  AnyModule(const AnyModule& o) : box_(o.box_->copy()) {}
  AnyModule(AnyModule&&) noexcept = default;
  AnyModule& operator=(const AnyModule&) = delete;
  ~AnyModule() = default;

  // Throws Error if it is a module that takes something else than a tensor, or gives something else.
  Tensor operator()(const Tensor& x) const { return box_->call(x); }

  bool is_module() const { return box_->module() != nullptr; }
  // Throws Error if it is a function.
  ModuleBase& module() const {
    ModuleBase* m = box_->module();
    HEARTH_CHECK(m, "AnyModule: it holds a function, not a module");
    return *m;
  }
  // The module as what it is: s[0].as<nn::Linear>().weight. Throws Error if it is another type.
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

// Modules in a list, named "0", "1", ..., all of one type or, as ModuleList<>, of any. It has no forward of its own:
// loop over it.
template <class M = AnyModule>
class ModuleList : public Module<ModuleList<M>> {
 public:
  ModuleList() = default;
  ModuleList(ModuleBase* parent, const char* name) : Module<ModuleList<M>>(parent, name) {}
  ModuleList(const ModuleList& o) : Module<ModuleList<M>>(o) {
    for (const auto& m : o.items_) items_.push_back(std::make_unique<M>(*m));
  }
  // Constructs M(args...) at the end.
  template <class... A>
  M& emplace_back(A&&... a) {
    items_.push_back(std::make_unique<M>(std::forward<A>(a)...));
    name_item(items_.size() - 1);
    return *items_.back();
  }
  size_t size() const { return items_.size(); }
  M& operator[](size_t i) const {
    HEARTH_CHECK(i < items_.size(), "ModuleList: index ", i, " is out of range for ", items_.size(), " modules");
    return *items_[i];
  }
  class Iterator {
   public:
    explicit Iterator(const std::unique_ptr<M>* p) : p_(p) {}
    M& operator*() const { return **p_; }
    Iterator& operator++() {
      ++p_;
      return *this;
    }
    bool operator!=(const Iterator& o) const { return p_ != o.p_; }

   private:
    const std::unique_ptr<M>* p_;
  };
  Iterator begin() const { return Iterator(items_.data()); }
  Iterator end() const { return Iterator(items_.data() + items_.size()); }

  // For ModuleBase.
  void visit_owned(const detail::Owned& owned) {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (ModuleBase* m = module_of(*items_[i])) owned.module(std::to_string(i), *m);
    }
  }
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

// Its modules and functions one after the other, each called with the result of the one before; named "0", "1", ...
//
//   nn::Sequential s(nn::Linear(2, 3), relu, [](const Tensor& x) { return x * 2; });
class Sequential : public Module<Sequential> {
 public:
  template <class... M>
  requires(sizeof...(M) > 0 && (TensorFunction<std::decay_t<M>> && ...) &&
           !(sizeof...(M) == 1 && (std::derived_from<std::decay_t<M>, Sequential> && ...)))  // that is a copy
      explicit Sequential(M&&... ms) {
    (push_back(std::forward<M>(ms)), ...);
  }
  template <class... M>
  requires(TensorFunction<std::decay_t<M>>&&...) Sequential(ModuleBase* parent, const char* name, M&&... ms)
      : Module(parent, name) {
    (push_back(std::forward<M>(ms)), ...);
  }
  Sequential() = default;
  Sequential(const Sequential&) = default;

  template <class M>
  requires TensorFunction<std::decay_t<M>>
  void push_back(M&& m) {
    steps_.emplace_back(std::forward<M>(m));
    if (steps_.back().is_module()) set_name(steps_.back().module(), std::to_string(steps_.size() - 1));
  }
  size_t size() const { return steps_.size(); }
  const AnyModule& operator[](size_t i) const {
    HEARTH_CHECK(i < steps_.size(), "Sequential: index ", i, " is out of range for ", steps_.size(), " modules");
    return steps_[i];
  }
  auto begin() const { return steps_.begin(); }
  auto end() const { return steps_.end(); }
  Tensor forward(const Tensor& x) const {
    Tensor y = x;
    for (const AnyModule& s : steps_) y = s(y);
    return y;
  }

  // For ModuleBase.
  void visit_owned(const detail::Owned& owned) {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].is_module()) owned.module(std::to_string(i), steps_[i].module());
    }
  }

 private:
  std::vector<AnyModule> steps_;
};

}  // namespace hearth::nn
