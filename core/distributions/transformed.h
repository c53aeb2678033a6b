/// Distributions of functions of random numbers.
#pragma once

#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include "core/distributions/distribution.h"
#include "core/distributions/transforms.h"

namespace hearth::distributions {

/// The distribution of transforms, one after the other, of values of another distribution:
/// `TransformedDistribution(Normal(mean, std), {std::make_shared<TanhTransform>()})`. There are no moments.
class TransformedDistribution : public Distribution {
 public:
  /// Transforms, of which the first is applied first.
  using Transforms = std::vector<std::shared_ptr<const Transform>>;
  /// Of a copy of `base`, which shares its parameters.
  template <std::derived_from<Distribution> D>
  TransformedDistribution(D base, Transforms transforms, std::optional<bool> validate_args = {})
      : TransformedDistribution(std::make_shared<const D>(std::move(base)), std::move(transforms), validate_args) {}
  /// Transforms with parameters must not need a larger batch than that of base.
  TransformedDistribution(std::shared_ptr<const Distribution> base, Transforms transforms,
                          std::optional<bool> validate_args = {});
  /// The distribution that is transformed.
  const Distribution& base() const { return *base_; }
  /// The transforms.
  const Transforms& transforms() const { return transforms_; }
  Constraint support() const override;
  bool has_rsample() const override { return base_->has_rsample(); }

 private:
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  Tensor compute_icdf(const Tensor& p) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  std::shared_ptr<const Distribution> base_;
  Transforms transforms_;
};

}  // namespace hearth::distributions
