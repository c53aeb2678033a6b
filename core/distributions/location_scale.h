/// Distributions of one shape that a location moves and a scale stretches.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Laplace distributions: two exponential distributions back to back.
class Laplace : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless scale is above 0.
  Laplace(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args = {});
  /// The mean.
  Tensor loc() const { return narrow(loc_); }
  /// The mean distance from it.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::real(); }
  bool has_rsample() const override { return true; }

 private:
  Laplace(const Parameters& p, std::optional<bool> validate_args);
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

/// Cauchy distributions. The mean is NaN and the variance infinite.
class Cauchy : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless scale is above 0.
  Cauchy(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args = {});
  /// The median.
  Tensor loc() const { return narrow(loc_); }
  /// Half the width at half the height.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::real(); }
  bool has_rsample() const override { return true; }

 private:
  Cauchy(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
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

/// Gumbel distributions: of the largest of many numbers.
class Gumbel : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless scale is above 0.
  Gumbel(const Parameter& loc, const Parameter& scale, std::optional<bool> validate_args = {});
  /// The mode.
  Tensor loc() const { return narrow(loc_); }
  /// The scale.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::real(); }
  bool has_rsample() const override { return true; }

 private:
  Gumbel(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
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

/// Student's t-distributions. The mean is NaN for df up to 1, the variance infinite for df up to 2 and NaN up to 1.
/// There is no cdf.
class StudentT : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless df and scale are above 0.
  explicit StudentT(const Parameter& df, const Parameter& loc = 0.0, const Parameter& scale = 1.0,
                    std::optional<bool> validate_args = {});
  /// The degrees of freedom.
  Tensor df() const { return narrow(df_); }
  /// The median.
  Tensor loc() const { return narrow(loc_); }
  /// The scale.
  Tensor scale() const { return narrow(scale_); }
  Constraint support() const override { return constraints::real(); }
  bool has_rsample() const override { return true; }

 private:
  StudentT(const Parameters& p, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override { return loc_; }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor df_, loc_, scale_;
};

}  // namespace hearth::distributions
