/// Poisson distributions.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of the number of events that come independently of one another. There is no entropy in closed form.
class Poisson : public Distribution {
 public:
  /// Throws Error unless rate is at least 0.
  explicit Poisson(const Parameter& rate, std::optional<bool> validate_args = {});
  /// The mean.
  Tensor rate() const { return narrow(rate_); }
  Constraint support() const override { return constraints::nonnegative_integer(); }

 private:
  Poisson(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override { return rate_; }
  Tensor compute_mode() const override;
  Tensor compute_variance() const override { return rate_; }
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor rate_;
};

}  // namespace hearth::distributions
