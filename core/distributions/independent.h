/// Batches whose elements count as one event.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// A distribution of which the last dimensions of the batch are part of the event: log_prob is the sum over them.
/// `Independent(Normal(mean, std), 1)` is a normal distribution of vectors with uncorrelated elements.
class Independent : public Distribution {
 public:
  /// Of a copy of `base`, which shares its parameters.
  template <std::derived_from<Distribution> D>
  Independent(D base, int64_t reinterpreted_batch_ndims, std::optional<bool> validate_args = {})
      : Independent(std::make_shared<const D>(std::move(base)), reinterpreted_batch_ndims, validate_args) {}
  /// Throws Error if base has not as many batch dimensions.
  Independent(std::shared_ptr<const Distribution> base, int64_t reinterpreted_batch_ndims,
              std::optional<bool> validate_args = {});
  /// The distribution that this was made of.
  const Distribution& base() const { return *base_; }
  /// How many dimensions of its batch are part of the event.
  int reinterpreted_batch_ndims() const { return dims_; }
  Constraint support() const override { return constraints::independent(base_->support(), dims_); }
  bool has_rsample() const override { return base_->has_rsample(); }

 private:
  Tensor compute_mean() const override { return base_->mean(); }
  Tensor compute_mode() const override { return base_->mode(); }
  Tensor compute_variance() const override { return base_->variance(); }
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  bool takes_indices() const override { return true; }
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  std::shared_ptr<const Distribution> base_;
  int dims_;
};

}  // namespace hearth::distributions
