/// Uniform distributions.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Uniform distributions of numbers in [low, high). The mode is NaN.
class Uniform : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless low < high.
  Uniform(const Parameter& low, const Parameter& high, std::optional<bool> validate_args = {});
  /// The lower end.
  Tensor low() const { return narrow(low_); }
  /// The upper end, which samples do not reach.
  Tensor high() const { return narrow(high_); }
  Constraint support() const override { return constraints::interval(low_, high_); }
  bool has_rsample() const override { return true; }

 private:
  Uniform(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor low_, high_;
};

}  // namespace hearth::distributions
