// Operand: what run() takes.
#pragma once

#include <optional>
#include <type_traits>

#include "core/tensor/tensor.h"

namespace hearth {

/// One operand of an op on its way into run(): a tensor, a number, or nothing. It refers to the caller's tensor, which
/// must outlive it.
class Operand {
 public:
  /// A tensor.
  Operand(const Tensor& t) : tensor_(&t), kind_(Kind::kTensor) {}
  /// A number.
  Operand(Scalar s) : scalar_(s), kind_(Kind::kScalar) {}
  /// A number.
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T v) : Operand(Scalar(v)) {}
  /// An operand that is left out.
  Operand(std::nullopt_t) {}
  /// A tensor, or an operand that is left out.
  Operand(const std::optional<Tensor>& t) : tensor_(t ? &*t : nullptr), kind_(t ? Kind::kTensor : Kind::kAbsent) {}

  /// True for a tensor.
  bool is_tensor() const { return kind_ == Kind::kTensor; }
  /// True for a number.
  bool is_scalar() const { return kind_ == Kind::kScalar; }
  /// True for an operand that is left out.
  bool is_absent() const { return kind_ == Kind::kAbsent; }
  /// The tensor. The operand must be one.
  const Tensor& tensor() const { return *tensor_; }
  /// The number. The operand must be one.
  Scalar scalar() const { return scalar_; }

 private:
  enum class Kind : uint8_t { kAbsent, kTensor, kScalar };
  const Tensor* tensor_ = nullptr;
  Scalar scalar_;
  Kind kind_ = Kind::kAbsent;
};

}  // namespace hearth
