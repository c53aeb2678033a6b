// The parameters of one module that are computed from others, as the machinery of modules sees them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/parametrization.h"

namespace hearth::nn::detail {

// One parameter, its originals, and what computes it of them, one step after the other.
struct ComputedParameter {
  ComputedParameter() = default;
  ComputedParameter(const ComputedParameter& o);
  ComputedParameter(ComputedParameter&&) noexcept = default;
  ComputedParameter& operator=(ComputedParameter&&) noexcept = default;
  ComputedParameter& operator=(const ComputedParameter&) = delete;
  ~ComputedParameter() = default;
  Tensor value() const;
  // Gives the originals values of which the parameter is about `value`.
  void set(const Tensor& value);
  void visit(const Owned& owned);

  std::string name;
  Shape shape;
  std::vector<Tensor> originals;
  std::vector<std::unique_ptr<ParametrizationStep>> steps;
};

class ComputedParameters {
 public:
  ComputedParameters() = default;
  ComputedParameters(const ComputedParameters& o);
  ComputedParameters& operator=(const ComputedParameters&) = delete;
  ~ComputedParameters() = default;
  ComputedParameter* find(const std::string& name);
  void visit(const Owned& owned);
  // Brings names of older versions to those of today.
  void upgrade_state(StateDict& state, const std::string& prefix) const;
  // Gives the originals new values: those for what reset() gives the parameters.
  void reset(ModuleBase& module, const std::function<void()>& reset);

  std::vector<ComputedParameter> all;
  std::atomic<const void*> caller = nullptr;  // the thread in whose call the parameters are in their places
};

}  // namespace hearth::nn::detail
