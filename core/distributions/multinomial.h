/// Distributions of how often each class is drawn.
#pragma once

#include "core/distributions/categorical.h"

namespace hearth::distributions {

/// Distributions of how often each class comes in `total_count` draws: vectors of counts. Otherwise as Categorical.
class Multinomial : public Distribution {
 public:
  /// Throws Error if total_count is negative, and as Categorical.
  Multinomial(int64_t total_count, const Tensor& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  Multinomial(int64_t total_count, const ProbsOrLogits& p);
  /// The number of draws.
  int64_t total_count() const { return total_count_; }
  /// The probabilities, which add up to 1.
  Tensor probs() const { return classes_.probs(); }
  /// Their logarithms.
  Tensor logits() const { return classes_.logits(); }
  Constraint support() const override { return constraints::multinomial(total_count_); }

 private:
  Multinomial(int64_t total_count, Categorical classes, std::optional<bool> validate_args);
  Tensor compute_mean() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  int64_t total_count_;
  Categorical classes_;
};

}  // namespace hearth::distributions
