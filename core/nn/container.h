// Modules that hold lists of modules.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <set>
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
  /// Takes the module or function over. The other one can only be destroyed or assigned to afterwards.
  AnyModule(AnyModule&&) noexcept = default;
  AnyModule& operator=(const AnyModule&) = delete;
  /// The same; what it held is destroyed.
  AnyModule& operator=(AnyModule&&) noexcept = default;
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
/// loop over it. A reference to an item stays valid until the item is erased.
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
  /// Constructs M(args...) before item i, or at the end for i = size(), and gives it. The items behind it get other
  /// numbers. Throws Error if i is greater.
  template <class... A>
  M& emplace(size_t i, A&&... a) {
    HEARTH_CHECK(i <= items_.size(), "ModuleList: index ", i, " is out of range to insert among ", items_.size(),
                 " modules");
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(i), std::make_unique<M>(std::forward<A>(a)...));
    name_items();
    return *items_[i];
  }
  /// Adds copies of the items of another list, which share their tensors.
  void extend(const ModuleList& o) {
    const size_t count = o.items_.size();  // which may be this list
    for (size_t i = 0; i < count; ++i) emplace_back(*o.items_[i]);
  }
  /// Removes item i. The items behind it get other numbers. Throws Error if there is none.
  void erase(size_t i) {
    HEARTH_CHECK(i < items_.size(), "ModuleList: index ", i, " is out of range for ", items_.size(), " modules");
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    name_items();
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

/// Calls its modules and functions one after the other, each with the result of the one before; named "0", "1", ... or
/// by names of one's own.
///
///   nn::Sequential s(nn::Linear(2, 3), relu, [](const Tensor& x) { return x * 2; });
///   nn::Sequential t({{"hidden", nn::Linear(2, 3)}, {"act", nn::ReLU()}});
class Sequential : public Module<Sequential> {
 public:
  /// A module or function and its name.
  using NamedStep = std::pair<std::string, AnyModule>;
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
  /// Of copies of these modules, which share their tensors, and functions, under their names. Throws Error as
  /// add_module().
  explicit Sequential(std::initializer_list<NamedStep> steps) : Sequential(nullptr, "", steps) {}
  /// The same as a member of `parent`.
  Sequential(ModuleBase* parent, const char* name, std::initializer_list<NamedStep> steps) : Module(parent, name) {
    for (const auto& [step, m] : steps) add_module(step, m);
  }
  /// Of nothing: it gives what it is given.
  Sequential() = default;
  /// A copy with copies of the modules, which share their tensors.
  Sequential(const Sequential&) = default;

  /// Adds a module or function at the end, named by its number. References that operator[] gave may be invalid
  /// afterwards. Throws Error if another has the number as its name.
  template <class M>
  requires TensorFunction<std::decay_t<M>>
  void push_back(M&& m) { put(steps_.size(), "", AnyModule(std::forward<M>(m))); }
  /// The same under a name. Throws Error for a name that is empty, has a dot, or is that of another step.
  template <class M>
  requires TensorFunction<std::decay_t<M>>
  void add_module(const std::string& name, M&& m) {
    HEARTH_CHECK(!name.empty() && name.find('.') == std::string::npos,
                 "Sequential: a name must not be empty or contain a dot, but is '", name, "'");
    put(steps_.size(), name, AnyModule(std::forward<M>(m)));
  }
  /// Puts a module or function before step i, or at the end for i = size(). The steps behind it that are named by their
  /// numbers get others. Throws Error if i is greater, or a number is the name of another step.
  template <class M>
  requires TensorFunction<std::decay_t<M>>
  void insert(size_t i, M&& m) {
    HEARTH_CHECK(i <= steps_.size(), "Sequential: index ", i, " is out of range to insert among ", steps_.size(),
                 " modules");
    put(i, "", AnyModule(std::forward<M>(m)));
  }
  /// Adds copies of the steps of another one, which share their tensors, named by their new numbers.
  void extend(const Sequential& o) {
    const size_t count = o.steps_.size();  // which may be this one
    for (size_t i = 0; i < count; ++i) put(steps_.size(), "", AnyModule(o.steps_[i]));
  }
  /// Removes step i. The steps behind it that are named by their numbers get others. Throws Error if there is none.
  void erase(size_t i) {
    HEARTH_CHECK(i < steps_.size(), "Sequential: index ", i, " is out of range for ", steps_.size(), " modules");
    std::vector<std::string> names = names_;
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(i));
    check_names(names);
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(i));
    names_ = std::move(names);
    name_steps();
  }
  /// The number of modules and functions.
  size_t size() const { return steps_.size(); }
  /// Step i: s[0].as<nn::Linear>() is the module. Throws Error if there is none.
  const AnyModule& operator[](size_t i) const {
    HEARTH_CHECK(i < steps_.size(), "Sequential: index ", i, " is out of range for ", steps_.size(), " modules");
    return steps_[i];
  }
  /// The step of that name: s["act"]. Throws Error if there is none.
  const AnyModule& operator[](const std::string& name) const {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (name_of(names_, i) == name) return steps_[i];
    }
    fail("Sequential: there is no module '", name, "'");
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
      if (steps_[i].is_module()) owned.module(name_of(names_, i), steps_[i].module());
    }
  }

 private:
  static std::string name_of(const std::vector<std::string>& names, size_t i) {
    return names[i].empty() ? std::to_string(i) : names[i];
  }
  static void check_names(const std::vector<std::string>& names) {
    std::set<std::string> seen;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string name = name_of(names, i);
      HEARTH_CHECK(seen.insert(name).second, "Sequential: two modules would be named '", name, "'");
    }
  }
  void put(size_t i, const std::string& name, AnyModule step) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    std::vector<std::string> names = names_;
    // A step that is given its own number as its name is like one without a name.
    names.insert(names.begin() + at, name == std::to_string(i) ? std::string() : name);
    check_names(names);
    steps_.insert(steps_.begin() + at, std::move(step));
    names_ = std::move(names);
    name_steps();
  }
  void name_steps() {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].is_module()) set_name(steps_[i].module(), name_of(names_, i));
    }
  }
  std::vector<AnyModule> steps_;
  std::vector<std::string> names_;  // of the steps; empty for those named by their numbers
};

}  // namespace hearth::nn
