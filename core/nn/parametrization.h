/// Parameters that are computed from others at each call of a module, such as weights of a certain norm.
///
///   nn::Linear layer(4, 3);
///   nn::register_parametrization(layer, "weight", [](const Tensor& w) { return tril(w); });
///
/// The parameter's place in its module is empty from then on: only the forward of a call, layer(x), has it, computed
/// after the hooks before forward; reading layer.weight elsewhere, or layer.forward(x), throws Error as for any
/// undefined tensor. parametrized() computes it outside of a call. In parameters() and in state_dict stand the
/// originals, named as in PyTorch: "parametrizations.weight.original", or original0, original1, ... where there are
/// several, and what belongs to the parametrization itself: "parametrizations.weight.0._u". Such a module is called by
/// one thread at a time; another's call throws Error, and so does adding or removing a parametrization in its forward.
/// A copy of it shares the originals.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/nn/module.h"

namespace hearth::nn {

namespace detail {

/// One parametrization, whatever its type.
struct ParametrizationStep {
  virtual ~ParametrizationStep() = default;
  /// The parameter of its originals.
  virtual Tensor forward(const std::vector<Tensor>& originals) = 0;
  /// Originals that give the parameter, or nothing if it does not say.
  virtual std::vector<Tensor> right_inverse(const Tensor& value) = 0;
  /// True if it takes a list of originals.
  virtual bool several() const = 0;
  /// Itself, if it is a module.
  virtual ModuleBase* module() = 0;
  /// Changes names that the parameter's originals had in older versions to those of today.
  virtual void upgrade_state(StateDict& state, const std::string& prefix, const std::string& name) const = 0;
  virtual std::unique_ptr<ParametrizationStep> copy() const = 0;
};

template <class P>
struct ParametrizationOf final : ParametrizationStep {
  explicit ParametrizationOf(P parametrization) : p(std::move(parametrization)) {}
  static constexpr bool kSeveral = requires(P & q, const std::vector<Tensor>& t) { q.forward(t); };
  Tensor forward(const std::vector<Tensor>& originals) override {
    if constexpr (kSeveral) return p.forward(originals);
    else if constexpr (requires(P & q, const Tensor& t) { q.forward(t); }) return p.forward(originals.at(0));
    else return p(originals.at(0));
  }
  std::vector<Tensor> right_inverse(const Tensor& value) override {
    if constexpr (kSeveral) return p.right_inverse(value);
    else if constexpr (requires(P & q, const Tensor& t) { q.right_inverse(t); }) return {p.right_inverse(value)};
    else return {};
  }
  bool several() const override { return kSeveral; }
  ModuleBase* module() override {
    if constexpr (std::derived_from<P, ModuleBase>) return &p;
    else return nullptr;
  }
  void upgrade_state([[maybe_unused]] StateDict& state, [[maybe_unused]] const std::string& prefix,
                     [[maybe_unused]] const std::string& name) const override {
    if constexpr (requires(const P& q, StateDict& s) { q.upgrade_state(s, prefix, name); })
      p.upgrade_state(state, prefix, name);
  }
  std::unique_ptr<ParametrizationStep> copy() const override { return std::make_unique<ParametrizationOf>(p); }
  P p;
};

void register_parametrization(ModuleBase& module, const std::string& name, std::unique_ptr<ParametrizationStep> step);

/// The parameter as it is now, computed or not. Throws Error in the name of `what` if there is none.
Tensor parameter_of(ModuleBase& module, const std::string& name, const char* what);

}  // namespace detail

/// Computes the parameter `name` of the module from an original at each call. A parametrization is a function of a
/// tensor; or a module or another type with forward(const Tensor&), and perhaps right_inverse(const Tensor&), which
/// gives an original for the value that the parameter has; or with forward(const std::vector<Tensor>&) and
/// right_inverse(const Tensor&), which gives several originals. Without right_inverse the parameter itself becomes the
/// original; with one original it stays the same tensor, of other values, if shape and dtype fit, so that an optimizer
/// that has it stays valid. A parameter that has one gets another: it computes from what the first gives.
///
/// Throws Error if the module has no parameter of that name of its own, if it is undefined, if a second parametrization
/// takes several originals, if what is computed has another shape or dtype, or while forward runs.
template <class P>
void register_parametrization(ModuleBase& module, const std::string& name, P parametrization) {
  detail::register_parametrization(module, name,
                                   std::make_unique<detail::ParametrizationOf<P>>(std::move(parametrization)));
}

/// Whether parameters of the module itself are computed.
bool is_parametrized(const ModuleBase& module);
/// Whether the parameter `name` of the module itself is computed.
bool is_parametrized(const ModuleBase& module, const std::string& name);
/// The parameter as a call would have it now, with its gradient's history; in training spectral_norm() goes one step
/// on. Throws Error if it is not computed.
Tensor parametrized(ModuleBase& module, const std::string& name);
/// Makes it a parameter of its own again, of the value that it has now. One original of its shape and dtype becomes the
/// parameter, with that value, so that an optimizer that has it stays valid. Who shares it has the value too: a layer
/// tied to it changes, and a copy of the module that still computes its parameter computes it from the new value.
/// Otherwise the parameter is a new tensor, and an optimizer that has the originals does not train it.
/// Throws Error if it is not computed, or while forward runs.
void remove_parametrizations(ModuleBase& module, const std::string& name);

}  // namespace hearth::nn
