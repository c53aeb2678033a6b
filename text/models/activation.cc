#include "text/models/activation.h"

#include <utility>

#include "core/base/error.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/math.h"

namespace hearth::text {

std::optional<Activation> activation_named(std::string_view name) {
  constexpr std::pair<std::string_view, Activation> kNames[] = {
      {"gelu", Activation::kGelu},
      {"gelu_python", Activation::kGelu},
      {"gelu_new", Activation::kGeluTanh},
      {"gelu_fast", Activation::kGeluTanh},
      {"gelu_accurate", Activation::kGeluTanh},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"gelu_python_tanh", Activation::kGeluTanh},
      {"quick_gelu", Activation::kQuickGelu},
      {"relu", Activation::kRelu},
      {"relu6", Activation::kRelu6},
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"mish", Activation::kMish},
      {"tanh", Activation::kTanh},
      {"sigmoid", Activation::kSigmoid},
      {"linear", Activation::kLinear},
  };
  for (const auto& [known, activation] : kNames) {
    if (name == known) return activation;
  }
  return std::nullopt;
}

Activation activation_or_throw(std::string_view name, std::string_view what) {
  const std::optional<Activation> found = activation_named(name);
  HEARTH_CHECK(found, what, ": the activation \"", name, "\" is not known");
  return *found;
}

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh:
      return gelu(x, true);
    case Activation::kQuickGelu:
      return x * sigmoid(x * 1.702);
    case Activation::kRelu:
      return relu(x);
    case Activation::kRelu6:
      return relu6(x);
    case Activation::kSilu:
      return silu(x);
    case Activation::kMish:
      return mish(x);
    case Activation::kTanh:
      return tanh(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kLinear:
      return x;
  }
  fail("activate: there is no activation ", static_cast<int>(activation));
}

}  // namespace hearth::text
