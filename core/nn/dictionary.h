/// Modules by name, and parameters in lists and by name.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nn/container.h"
#include "core/nn/module.h"

namespace hearth::nn {

/// Modules by name, all of one type or, as ModuleDict<>, of any. It keeps the order in which they came. It has no
/// forward of its own. A reference to an item stays valid until the item is erased.
template <class M = AnyModule>
class ModuleDict : public Module<ModuleDict<M>> {
 public:
  /// An empty one.
  ModuleDict() = default;
  /// An empty one as a member of `parent`.
  ModuleDict(ModuleBase* parent, const char* name) : Module<ModuleDict<M>>(parent, name) {}
  /// Has copies of the items, which share their tensors.
  ModuleDict(const ModuleDict& o) : Module<ModuleDict<M>>(o) {
    for (const auto& [key, m] : o.items_) items_.emplace_back(key, std::make_unique<M>(*m));
  }
  /// Constructs M(args...) under the name and gives it. Throws Error if there is one of that name, and for a name that
  /// is empty or has a dot.
  template <class... A>
  M& emplace(const std::string& key, A&&... a) {
    HEARTH_CHECK(!key.empty() && key.find('.') == std::string::npos,
                 "ModuleDict: a name must not be empty or contain a dot, but is '", key, "'");
    HEARTH_CHECK(!contains(key), "ModuleDict: there is a module '", key, "' already");
    items_.emplace_back(key, std::make_unique<M>(std::forward<A>(a)...));
    name_item(items_.back());
    return *items_.back().second;
  }
  /// Whether there is a module of that name.
  bool contains(const std::string& key) const { return find(key) != nullptr; }
  /// The module of that name. Throws Error if there is none.
  M& operator[](const std::string& key) const {
    M* m = find(key);
    HEARTH_CHECK(m, "ModuleDict: there is no module '", key, "'");
    return *m;
  }
  /// Removes the module of that name. Throws Error if there is none.
  void erase(const std::string& key) {
    HEARTH_CHECK(std::erase_if(items_, [&](const auto& item) { return item.first == key; }) == 1,
                 "ModuleDict: there is no module '", key, "'");
  }
  /// The number of items.
  size_t size() const { return items_.size(); }
  /// The names, in their order.
  std::vector<std::string> keys() const {
    std::vector<std::string> out;
    for (const auto& [key, m] : items_) out.push_back(key);
    return out;
  }

  /// For ModuleBase: tells the modules among the items.
  void visit_owned(const detail::Owned& owned) {
    for (const auto& [key, item] : items_) {
      if (ModuleBase* m = module_of(*item)) owned.module(key, *m);
    }
  }
  /// For ModuleBase: gives the items their names anew, after the dictionary's own name has changed.
  void name_items() {
    for (const auto& item : items_) name_item(item);
  }

 private:
  using Item = std::pair<std::string, std::unique_ptr<M>>;
  static ModuleBase* module_of(M& m) {
    if constexpr (std::derived_from<M, ModuleBase>) return &m;
    else return m.is_module() ? &m.module() : nullptr;
  }
  // As in ModuleList: it is never called, so that its items carry its name.
  void name_item(const Item& item) {
    ModuleBase* m = module_of(*item.second);
    if (m && !this->name().empty()) this->set_name(*m, this->name() + "." + item.first);
  }
  M* find(const std::string& key) const {
    for (const auto& [own, m] : items_) {
      if (own == key) return m.get();
    }
    return nullptr;
  }
  std::vector<Item> items_;
};

namespace detail {

// A tensor as a parameter: it collects a gradient if it is to.
inline Tensor as_parameter(const char* list, Tensor t, bool requires_grad) {
  HEARTH_CHECK(t.defined(), list, ": the tensor is undefined");
  if (requires_grad && !t.requires_grad()) t.requires_grad_();
  return t;
}

}  // namespace detail

/// Parameters in a list, named "0", "1", ... A copy shares the tensors. Its values belong to the module that it is a
/// member of: that module's reset_parameters() gives them their first values, and initialize() asks for one.
class ParameterList : public Module<ParameterList> {
 public:
  /// An empty list.
  ParameterList() = default;
  /// Of these tensors themselves, which are marked to collect gradients.
  explicit ParameterList(std::initializer_list<Tensor> tensors) : ParameterList(nullptr, "", tensors) {}
  /// The same as a member of `parent`.
  ParameterList(ModuleBase* parent, const char* name, std::initializer_list<Tensor> tensors = {})
      : Module(parent, name) {
    for (const Tensor& t : tensors) push_back(t);
  }
  /// Adds the tensor itself at the end. Throws Error for an undefined tensor, and for one that is to have a gradient
  /// and is not floating-point.
  void push_back(const Tensor& t, bool requires_grad = true) {
    items_.push_back(detail::as_parameter("ParameterList", t, requires_grad));
  }
  /// The number of parameters.
  size_t size() const { return items_.size(); }
  /// Parameter i. Throws Error if there is none.
  const Tensor& operator[](size_t i) const {
    HEARTH_CHECK(i < items_.size(), "ParameterList: index ", i, " is out of range for ", items_.size(), " parameters");
    return items_[i];
  }
  /// The first parameter.
  auto begin() const { return items_.begin(); }
  /// One past the last parameter.
  auto end() const { return items_.end(); }

  /// For ModuleBase: the module that it is a member of gives the parameters their first values.
  using ValuesOfParent = void;
  /// For ModuleBase: tells the parameters.
  void visit_owned(const detail::Owned& owned) {
    for (size_t i = 0; i < items_.size(); ++i) owned.parameter(std::to_string(i), items_[i]);
  }

 private:
  std::vector<Tensor> items_;
};

/// Parameters by name, in the order in which they came. A copy shares the tensors. Its values belong to the module that
/// it is a member of, as those of ParameterList.
class ParameterDict : public Module<ParameterDict> {
 public:
  /// A name and a tensor.
  using Item = std::pair<std::string, Tensor>;
  /// An empty one.
  ParameterDict() = default;
  /// Of these tensors themselves, which are marked to collect gradients.
  explicit ParameterDict(std::initializer_list<Item> items) : ParameterDict(nullptr, "", items) {}
  /// The same as a member of `parent`.
  ParameterDict(ModuleBase* parent, const char* name, std::initializer_list<Item> items = {}) : Module(parent, name) {
    for (const Item& item : items) emplace(item.first, item.second);
  }
  /// Adds the tensor itself under the name. Throws Error if there is one of that name, for a name that is empty or has
  /// a dot, for an undefined tensor, and for one that is to have a gradient and is not floating-point.
  void emplace(const std::string& key, const Tensor& t, bool requires_grad = true) {
    HEARTH_CHECK(!key.empty() && key.find('.') == std::string::npos,
                 "ParameterDict: a name must not be empty or contain a dot, but is '", key, "'");
    HEARTH_CHECK(!contains(key), "ParameterDict: there is a parameter '", key, "' already");
    items_.emplace_back(key, detail::as_parameter("ParameterDict", t, requires_grad));
  }
  /// Whether there is a parameter of that name.
  bool contains(const std::string& key) const { return find(key) != nullptr; }
  /// The parameter of that name. Throws Error if there is none.
  const Tensor& operator[](const std::string& key) const {
    const Tensor* t = find(key);
    HEARTH_CHECK(t, "ParameterDict: there is no parameter '", key, "'");
    return *t;
  }
  /// Removes the parameter of that name. Throws Error if there is none.
  void erase(const std::string& key) {
    HEARTH_CHECK(std::erase_if(items_, [&](const Item& item) { return item.first == key; }) == 1,
                 "ParameterDict: there is no parameter '", key, "'");
  }
  /// The number of parameters.
  size_t size() const { return items_.size(); }
  /// The first name and parameter.
  auto begin() const { return items_.begin(); }
  /// One past the last.
  auto end() const { return items_.end(); }

  /// For ModuleBase: the module that it is a member of gives the parameters their first values.
  using ValuesOfParent = void;
  /// For ModuleBase: tells the parameters.
  void visit_owned(const detail::Owned& owned) {
    for (Item& item : items_) owned.parameter(item.first, item.second);
  }

 private:
  const Tensor* find(const std::string& key) const {
    for (const Item& item : items_) {
      if (item.first == key) return &item.second;
    }
    return nullptr;
  }
  std::vector<Item> items_;
};

}  // namespace hearth::nn
