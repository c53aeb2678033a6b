/// Normal distributions of vectors.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// How the elements of a MultivariateNormal depend on one another. One of the first three must be given, [..., n, n].
struct Covariance {
  /// The covariances.
  std::optional<Tensor> covariance_matrix = std::nullopt;
  /// Their inverse.
  std::optional<Tensor> precision_matrix = std::nullopt;
  /// Their lower Cholesky factor, which is cheapest: the others are made into it.
  std::optional<Tensor> scale_tril = std::nullopt;
  /// Whether parameters and values are checked; nothing: as Distribution::set_default_validate_args() says.
  std::optional<bool> validate_args = std::nullopt;
};

/// Normal distributions of vectors: `MultivariateNormal(loc, {.scale_tril = l})`. f32 and f64; f16 and bf16 count as
/// f32. On the CPU.
class MultivariateNormal : public Distribution {
 public:
  /// loc is [..., n]; batches broadcast. Throws Error unless matrices are symmetric and positive-definite, or
  /// scale_tril is a lower triangle with a positive diagonal.
  MultivariateNormal(const Tensor& loc, const Covariance& covariance);
  /// The mean.
  Tensor loc() const { return narrow(loc_); }
  /// The lower Cholesky factor of the covariances.
  Tensor scale_tril() const { return narrow(scale_tril_); }
  /// The covariances.
  Tensor covariance_matrix() const;
  /// The inverse of the covariances.
  Tensor precision_matrix() const;
  Constraint support() const override { return constraints::real_vector(); }
  bool has_rsample() const override { return true; }
  /// For each value the square of its distance from loc, in standard deviations: [...].
  Tensor mahalanobis(const Tensor& value) const;

 private:
  struct Made {
    Tensor loc, scale_tril;
    Shape batch;
    DType dtype = f32;
  };
  static Made made(const Tensor& loc, const Covariance& covariance);
  MultivariateNormal(const Made& m, const Covariance& covariance);
  Tensor compute_mean() const override { return loc_; }
  Tensor compute_mode() const override { return loc_; }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor half_log_det() const;
  Tensor loc_, scale_tril_;
};

}  // namespace hearth::distributions
