/// What distributions are made of.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "core/tensor/tensor.h"

namespace hearth::distributions {

/// A parameter of a distribution: a tensor, or a number.
class Parameter {
 public:
  /// A tensor. Integers count as default_dtype().
  Parameter(Tensor t) : tensor_(std::move(t)) {}
  /// A number, which takes the dtype and device of the tensors beside it; default_dtype() and the default device if
  /// there are none.
  template <class T>
  requires std::is_arithmetic_v<T> Parameter(T v) : number_(static_cast<double>(v)) {}
  /// The tensor, or nothing for a number.
  const std::optional<Tensor>& tensor() const { return tensor_; }
  /// The number, for a number.
  double number() const { return number_; }

 private:
  std::optional<Tensor> tensor_;
  double number_ = 0;
};

/// How a distribution is made from probabilities, or from their logarithms: `Categorical({.logits = x})`. One of the
/// two must be given.
struct ProbsOrLogits {
  /// Probabilities.
  std::optional<Parameter> probs = std::nullopt;
  /// Logarithms of probabilities up to a constant (Categorical and its like), or log(p / (1 - p)) (Bernoulli and its
  /// like).
  std::optional<Parameter> logits = std::nullopt;
  /// Whether parameters and values are checked; nothing: as Distribution::set_default_validate_args() says.
  std::optional<bool> validate_args = std::nullopt;
};

}  // namespace hearth::distributions
