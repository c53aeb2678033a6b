// Modules that hold lists of modules.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/nn/module.h"

namespace hearth::nn {

// Modules of one type, named "0", "1", ... It has no forward of its own: loop over it.
template <class M>
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
    // A list is never called, so it does not stand in the path of what its items do unless they name it.
    const std::string index = std::to_string(items_.size() - 1);
    this->set_name(*items_.back(), this->name().empty() ? index : this->name() + "." + index);
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

 private:
  void for_each_owned(const std::function<void(const std::string&, ModuleBase&)>& f) override {
    for (size_t i = 0; i < items_.size(); ++i) f(std::to_string(i), *items_[i]);
  }
  std::vector<std::unique_ptr<M>> items_;
};

// A module, or any function of a tensor, that can stand in a Sequential.
template <class M>
concept TensorFunction = requires(M& m, const Tensor& t) {
  { m(t) } -> std::convertible_to<Tensor>;
};

// Its modules one after the other, each called with the result of the one before; named "0", "1", ...
class Sequential : public Module<Sequential> {
 public:
  template <TensorFunction... M>
  requires(sizeof...(M) > 0) explicit Sequential(const M&... ms) { (push_back(ms), ...); }
  template <class... M>
  Sequential(ModuleBase* parent, const char* name, const M&... ms) : Module(parent, name) {
    (push_back(ms), ...);
  }
  Sequential() = default;
  Sequential(const Sequential& o) : Module(o) {
    for (const auto& s : o.steps_) steps_.push_back(s->copy());
  }
  template <TensorFunction M>
  void push_back(const M& m) {
    steps_.push_back(std::make_unique<Box<M>>(m));
    if (ModuleBase* child = steps_.back()->module()) set_name(*child, std::to_string(steps_.size() - 1));
  }
  size_t size() const { return steps_.size(); }
  Tensor forward(const Tensor& x) {
    Tensor y = x;
    for (auto& s : steps_) y = s->call(y);
    return y;
  }

 private:
  struct Step {
    virtual ~Step() = default;
    virtual Tensor call(const Tensor& x) = 0;
    virtual std::unique_ptr<Step> copy() const = 0;
    virtual ModuleBase* module() { return nullptr; }
  };
  template <class M>
  struct Box final : Step {
    explicit Box(const M& x) : m(x) {}
    Tensor call(const Tensor& x) override { return m(x); }
    std::unique_ptr<Step> copy() const override { return std::make_unique<Box>(m); }
    ModuleBase* module() override {
      if constexpr (std::derived_from<M, ModuleBase>) return &m;
      return nullptr;
    }
    M m;
  };
  void for_each_owned(const std::function<void(const std::string&, ModuleBase&)>& f) override {
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (ModuleBase* m = steps_[i]->module()) f(std::to_string(i), *m);
    }
  }
  std::vector<std::unique_ptr<Step>> steps_;
};

}  // namespace hearth::nn
