/// Distributions of counts whose variance is larger than their mean.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of the number of successes before `total_count` failures, which need not be whole.
class NegativeBinomial : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless total_count is above 0, and probs at least 0 and below 1.
  NegativeBinomial(const Parameter& total_count, const Parameter& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  NegativeBinomial(const Parameter& total_count, const ProbsOrLogits& p);
  /// The number of failures.
  Tensor total_count() const { return narrow(total_count_); }
  /// The probability of a success.
  Tensor probs() const { return narrow(probs_); }
  /// log(p / (1 - p)).
  Tensor logits() const { return narrow(logits_); }
  Constraint support() const override { return constraints::nonnegative_integer(); }

 private:
  NegativeBinomial(const Parameters& p, const ProbsOrLogits& from);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor total_count_, probs_, logits_;
};

}  // namespace hearth::distributions
