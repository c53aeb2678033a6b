/// Gamma distributions and two of their kind.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Gamma distributions. The cdf has no gradient for the concentration.
class Gamma : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless both are above 0.
  Gamma(const Parameter& concentration, const Parameter& rate, std::optional<bool> validate_args = {});
  /// The shape parameter.
  Tensor concentration() const { return narrow(concentration_); }
  /// The inverse of the scale.
  Tensor rate() const { return narrow(rate_); }
  Constraint support() const override { return constraints::nonnegative(); }
  bool has_rsample() const override { return true; }

 protected:
  /// For distributions that are named otherwise: concentration and rate.
  Gamma(const char* name, const Parameters& p, std::optional<bool> validate_args);

 private:
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

/// Distributions of the sum of squares of `df` standard normal numbers: Gamma(df / 2, 1 / 2).
class Chi2 : public Gamma {
 public:
  /// Throws Error unless df is above 0.
  explicit Chi2(const Parameter& df, std::optional<bool> validate_args = {});
  /// The degrees of freedom.
  Tensor df() const;

 private:
  static Parameters as_gamma(const Parameter& df);
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
};

/// Exponential distributions: of waiting times.
class Exponential : public Distribution {
 public:
  /// Throws Error unless rate is above 0.
  explicit Exponential(const Parameter& rate, std::optional<bool> validate_args = {});
  /// The inverse of the mean.
  Tensor rate() const { return narrow(rate_); }
  Constraint support() const override { return constraints::nonnegative(); }
  bool has_rsample() const override { return true; }

 private:
  Exponential(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override { return constant(0); }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor rate_;
};

}  // namespace hearth::distributions
