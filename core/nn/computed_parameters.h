// What computes the parameters of one module. Each module that has some owns one of these; copies of the module have
// copies of it, which share the tensors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::nn {

class ModuleBase;

namespace detail {

struct Owned;
struct ParametrizationStep;
class ComputedParameters;

// A value: a copy owns a copy. Null until a parametrization is registered.
class ComputedParametersBox {
 public:
  ComputedParametersBox();
  ComputedParametersBox(const ComputedParametersBox& o);
  ComputedParametersBox& operator=(const ComputedParametersBox&) = delete;
  ~ComputedParametersBox();
  ComputedParameters* get() const { return p_.get(); }
  explicit operator bool() const { return p_ != nullptr; }
  ComputedParameters& make();
  void drop();

 private:
  std::unique_ptr<ComputedParameters> p_;
};

// Puts the computed parameters of a module in their places while it lives, if there are any.
class ComputedScope {
 public:
  explicit ComputedScope(ModuleBase& m);
  ~ComputedScope();
  ComputedScope(const ComputedScope&) = delete;
  ComputedScope& operator=(const ComputedScope&) = delete;

 private:
  void take_away() noexcept;
  ModuleBase* module_ = nullptr;  // null if there is nothing to do
};

}  // namespace detail
}  // namespace hearth::nn
