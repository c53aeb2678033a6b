/// Distributions of trials that succeed or fail.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of 1, with probability `probs`, and 0. logits are log(p / (1 - p)). Where those are made of
/// probabilities, they are first limited to [eps, 1 - eps].
class Bernoulli : public Distribution {
 public:
  /// Throws Error unless probs are from 0 to 1.
  explicit Bernoulli(const Parameter& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  explicit Bernoulli(const ProbsOrLogits& p);
  /// The probability of 1.
  Tensor probs() const { return narrow(probs_); }
  /// log(p / (1 - p)).
  Tensor logits() const { return narrow(logits_); }
  Constraint support() const override { return constraints::boolean(); }
  bool has_enumerate_support() const override { return true; }

 private:
  Bernoulli(const Parameters& p, const ProbsOrLogits& from);
  Tensor compute_mean() const override { return probs_; }
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  Tensor compute_values() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor probs_, logits_;
};

/// Distributions of the number of failures before the first success: 0, 1, 2, ...
class Geometric : public Distribution {
 public:
  /// Throws Error unless probs are above 0 and at most 1.
  explicit Geometric(const Parameter& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  explicit Geometric(const ProbsOrLogits& p);
  /// The probability of a success.
  Tensor probs() const { return narrow(probs_); }
  /// log(p / (1 - p)).
  Tensor logits() const { return narrow(logits_); }
  Constraint support() const override { return constraints::nonnegative_integer(); }

 private:
  Geometric(const Parameters& p, const ProbsOrLogits& from);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override { return constant(0); }
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor probs_, logits_;
};

/// Distributions of the number of successes in `total_count` trials.
class Binomial : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless total_count is whole and at least 0, and probs from 0 to 1.
  Binomial(const Parameter& total_count, const Parameter& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  Binomial(const Parameter& total_count, const ProbsOrLogits& p);
  /// The number of trials.
  Tensor total_count() const { return narrow(total_count_); }
  /// The probability of a success.
  Tensor probs() const { return narrow(probs_); }
  /// log(p / (1 - p)).
  Tensor logits() const { return narrow(logits_); }
  Constraint support() const override { return constraints::integer_interval(0, total_count_); }
  bool has_enumerate_support() const override { return true; }

 private:
  Binomial(const Parameters& p, const ProbsOrLogits& from);
  Tensor compute_mean() const override;
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  Tensor compute_values() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor total_count_, probs_, logits_;
};

}  // namespace hearth::distributions
