// Activation functions by the names that configurations use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/tensor/tensor.h"

namespace hearth::text {

/// The function between the two linear layers of a feed-forward part.
enum class Activation : uint8_t {
  kGelu,       ///< x Phi(x): "gelu", "gelu_python".
  kGeluTanh,   ///< Its approximation by tanh: "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate".
  kQuickGelu,  ///< x sigmoid(1.702 x): "quick_gelu".
  kRelu,       ///< "relu".
  kRelu6,      ///< "relu6".
  kSilu,       ///< x sigmoid(x): "silu", "swish".
  kMish,       ///< "mish".
  kTanh,       ///< "tanh".
  kSigmoid,    ///< "sigmoid".
  kLinear,     ///< x itself: "linear".
};

/// The activation that `transformers` calls by this name; nullopt if it is not known here.
std::optional<Activation> activation_named(std::string_view name);
/// The same for what must be known: throws Error naming `what`, the field that has the name.
Activation activation_or_throw(std::string_view name, std::string_view what);
/// The activation of each element.
Tensor activate(Activation activation, const Tensor& x);

}  // namespace hearth::text
