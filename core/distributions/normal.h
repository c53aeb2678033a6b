/// Normal distributions, and those of functions of normal numbers.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Normal distributions of mean `loc` and standard deviation `scale`.
class Normal : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless scale is above 0.
  Normal(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args = {});
  /// The mean.
  Tensor loc() const { return narrow(loc_); }
  /// The standard deviation.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::real(); }
  bool has_rsample() const override { return true; }

 private:
  Normal(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override { return loc_; }
  Tensor compute_mode() const override { return loc_; }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor loc_, scale_;
};

/// Distributions of numbers whose logarithm has the mean `loc` and the standard deviation `scale`.
class LogNormal : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless scale is above 0.
  LogNormal(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args = {});
  /// The mean of the logarithm.
  Tensor loc() const { return narrow(loc_); }
  /// The standard deviation of the logarithm.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::positive(); }
  bool has_rsample() const override { return true; }

 private:
  LogNormal(const Parameters& p, std::optional<bool> validate_args);
  Normal of_logarithm() const { return {loc_, scale_, false}; }
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor loc_, scale_;
};

/// Distributions of the size of normal numbers of mean 0 and standard deviation `scale`.
class HalfNormal : public Distribution {
 public:
  /// Throws Error unless scale is above 0.
  explicit HalfNormal(const Parameter& scale, std::optional<bool> validate_args = {});
  /// The standard deviation of the normal numbers.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::nonnegative(); }
  bool has_rsample() const override { return true; }

 private:
  HalfNormal(const Parameters& p, std::optional<bool> validate_args);
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

}  // namespace hearth::distributions
