/// Calling a module with other tensors than its own.
#pragma once

#include <string>
#include <utility>

#include "core/nn/module.h"

namespace hearth::nn {

namespace detail {
// Puts tensors in the places of those of these names; places that share a tensor share the new one.
void put_tensors(ModuleBase& module, const StateDict& tensors);
}  // namespace detail

/// module(args...) with these tensors in the places of its parameters and buffers of their names; the others stay its
/// own. Gradients flow into what is given: it is how gradients of a loss with respect to all parameters, or of an
/// update of them, are taken. A tensor that several names share is replaced under all of them. The module stays as it
/// is, but for running statistics that it keeps itself. Throws Error for a name that is unknown, an undefined tensor,
/// one of another shape, and two different tensors for names that share one.
template <class M, class... A>
auto functional_call(const M& module, const StateDict& tensors, A&&... args) {
  M copy(module);
  detail::put_tensors(copy, tensors);
  return copy(std::forward<A>(args)...);
}

}  // namespace hearth::nn
