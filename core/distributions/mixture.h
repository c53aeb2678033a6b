/// Mixtures of distributions.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "core/distributions/categorical.h"

namespace hearth::distributions {

/// A mixture of distributions of one family. The last dimension of the components' batch is the component, of which
/// `mixture_distribution` draws one. There is no entropy, and samples have no gradient.
class MixtureSameFamily : public Distribution {
 public:
  /// Of a copy of `components`, which shares its parameters.
  template <std::derived_from<Distribution> D>
  MixtureSameFamily(Categorical mixture, D components, std::optional<bool> validate_args = {})
      : MixtureSameFamily(std::move(mixture), std::make_shared<const D>(std::move(components)), validate_args) {}
  /// Throws Error unless the components' batch is the mixture's and the number of classes.
  MixtureSameFamily(Categorical mixture, std::shared_ptr<const Distribution> components,
                    std::optional<bool> validate_args = {});
  /// How probable the components are.
  const Categorical& mixture_distribution() const { return mixture_; }
  /// The components.
  const Distribution& component_distribution() const { return *components_; }
  Constraint support() const override { return components_->support(); }

 private:
  Tensor compute_mean() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_cdf(const Tensor& value) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  // The probabilities of components with a dimension for each of an event's.
  Tensor weights() const;
  // The dimension of an event's elements before which the component stands, from the end.
  int component_dim() const { return -1 - event_shape().rank(); }
  Categorical mixture_;
  std::shared_ptr<const Distribution> components_;
};

}  // namespace hearth::distributions
