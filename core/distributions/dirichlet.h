/// Distributions of probabilities.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of vectors of probabilities. The last dimension of the parameter are the classes. Samples are gamma
/// numbers divided by their sum, which are drawn as logarithms: however small concentrations are, a sample adds up
/// to 1. Its elements are at least the dtype's smallest normal number.
class Dirichlet : public Distribution {
 public:
  /// Throws Error unless concentration is above 0 and has a dimension.
  explicit Dirichlet(const Tensor& concentration, std::optional<bool> validate_args = {});
  /// For each class how often it has been seen, as it were.
  Tensor concentration() const { return narrow(concentration_); }
  Constraint support() const override { return constraints::simplex(); }
  bool has_rsample() const override { return true; }

 private:
  Dirichlet(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor concentration_;
};

/// Distributions of one probability. Samples as those of Dirichlet, and below 1. There is no cdf.
class Beta : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless both are above 0.
  Beta(const Parameter& concentration1, const Parameter& concentration0, std::optional<bool> validate_args = {});
  /// How often there was a success, as it were: alpha.
  Tensor concentration1() const { return narrow(concentration1_); }
  /// How often there was none: beta.
  Tensor concentration0() const { return narrow(concentration0_); }
  Constraint support() const override { return constraints::unit_interval(); }
  bool has_rsample() const override { return true; }

 private:
  Beta(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor concentration1_, concentration0_;
};

}  // namespace hearth::distributions
