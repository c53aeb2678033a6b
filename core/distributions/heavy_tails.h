/// Distributions of positive numbers, of which some are far larger than most.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of the size of Cauchy numbers around 0. Mean and variance are infinite.
class HalfCauchy : public Distribution {
 public:
  /// Throws Error unless scale is above 0.
  explicit HalfCauchy(const Parameter& scale, std::optional<bool> validate_args = {});
  /// The median.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::nonnegative(); }
  bool has_rsample() const override { return true; }

 private:
  HalfCauchy(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override { return constant(0); }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor scale_;
};

/// Weibull distributions: of times until something fails.
class Weibull : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless both are above 0.
  Weibull(const Parameter& scale, const Parameter& concentration, std::optional<bool> validate_args = {});
  /// The scale.
  Tensor scale() const { return narrow(scale_); }
  /// The shape parameter.
  Tensor concentration() const { return narrow(concentration_); }
  Constraint support() const override { return constraints::positive(); }
  bool has_rsample() const override { return true; }

 private:
  Weibull(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor scale_, concentration_;
};

/// Pareto distributions. The mean is infinite for alpha up to 1, the variance for alpha up to 2.
class Pareto : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless both are above 0.
  Pareto(const Parameter& scale, const Parameter& alpha, std::optional<bool> validate_args = {});
  /// The smallest number.
  Tensor scale() const { return narrow(scale_); }
  /// How fast the density falls.
  Tensor alpha() const { return narrow(alpha_); }
  Constraint support() const override;
  bool has_rsample() const override { return true; }

 private:
  Pareto(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override { return scale_; }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor scale_, alpha_;
};

/// Distributions of 1 / x of gamma numbers x. The cdf has no gradient for the concentration. The mean is infinite for
/// concentrations up to 1, the variance up to 2.
class InverseGamma : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless both are above 0.
  InverseGamma(const Parameter& concentration, const Parameter& rate, std::optional<bool> validate_args = {});
  /// The shape parameter.
  Tensor concentration() const { return narrow(concentration_); }
  /// The rate of the gamma numbers.
  Tensor rate() const { return narrow(rate_); }
  Constraint support() const override { return constraints::positive(); }
  bool has_rsample() const override { return true; }

 private:
  InverseGamma(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor concentration_, rate_;
};

}  // namespace hearth::distributions
