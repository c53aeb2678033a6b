/// Functions that can be inverted, for TransformedDistribution: torch.distributions.transforms.
#pragma once

#include "core/distributions/constraint.h"
#include "core/distributions/parameter.h"
#include "core/tensor/tensor.h"

namespace hearth::distributions {

/// A function of single numbers that rises or falls everywhere. Gradients pass.
class Transform {
 public:
  Transform() = default;
  virtual ~Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;
  /// y of x.
  virtual Tensor forward(const Tensor& x) const = 0;
  /// x of y.
  virtual Tensor inverse(const Tensor& y) const = 0;
  /// The logarithm of |dy / dx|, of x and its y.
  virtual Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const = 0;
  /// What y must be, if x may be any number; nothing: any number, too.
  virtual std::optional<Constraint> codomain() const { return std::nullopt; }
  /// 1 if the function rises, -1 if it falls; broadcasts with x.
  virtual Tensor sign(const Tensor& x) const;
};

/// y = loc + scale x.
class AffineTransform : public Transform {
 public:
  /// The scale must not be 0.
  AffineTransform(Parameter loc, Parameter scale) : loc_(std::move(loc)), scale_(std::move(scale)) {}
  Tensor forward(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Tensor sign(const Tensor& x) const override;

 private:
  Parameter loc_, scale_;
};

/// y = e^x.
class ExpTransform : public Transform {
 public:
  Tensor forward(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  std::optional<Constraint> codomain() const override { return constraints::positive(); }
};

/// y = 1 / (1 + e^-x), limited to (0, 1).
class SigmoidTransform : public Transform {
 public:
  Tensor forward(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  std::optional<Constraint> codomain() const override { return constraints::unit_interval(); }
};

/// y = tanh(x). Where rounding has made y 1 or -1, the inverse is that of the number beside it, which is finite.
class TanhTransform : public Transform {
 public:
  Tensor forward(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  std::optional<Constraint> codomain() const override;
};

}  // namespace hearth::distributions
