// One operand of an op on its way into run(): a tensor, a number, or nothing. Refers to the caller's tensor; never
// kept.
#pragma once

#include <optional>
#include <type_traits>

#include "core/tensor/tensor.h"

namespace hearth {

class Operand {
 public:
  Operand(const Tensor& t) : tensor_(&t), kind_(Kind::kTensor) {}
  Operand(Scalar s) : scalar_(s), kind_(Kind::kScalar) {}
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T v) : Operand(Scalar(v)) {}
  Operand(std::nullopt_t) {}
  Operand(const std::optional<Tensor>& t) : tensor_(t ? &*t : nullptr), kind_(t ? Kind::kTensor : Kind::kAbsent) {}

  bool is_tensor() const { return kind_ == Kind::kTensor; }
  bool is_scalar() const { return kind_ == Kind::kScalar; }
  bool is_absent() const { return kind_ == Kind::kAbsent; }
  const Tensor& tensor() const { return *tensor_; }
  Scalar scalar() const { return scalar_; }

 private:
  enum class Kind : uint8_t { kAbsent, kTensor, kScalar };
  const Tensor* tensor_ = nullptr;
  Scalar scalar_;
  Kind kind_ = Kind::kAbsent;
};

}  // namespace hearth
