/// Distributions near those of classes, whose samples have gradients: the concrete distribution (Maddison, Mnih and
/// Teh, 2017; Jang, Gu and Poole, 2017).
#pragma once

#include "core/distributions/categorical.h"

namespace hearth::distributions {

/// Bernoulli distributions that are relaxed to numbers in (0, 1). The lower the temperature, the nearer to 0 or 1.
class RelaxedBernoulli : public Distribution {
 public:
  /// The parameters broadcast. Throws Error unless temperature is above 0 and probs from 0 to 1.
  RelaxedBernoulli(const Parameter& temperature, const Parameter& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  RelaxedBernoulli(const Parameter& temperature, const ProbsOrLogits& p);
  /// The temperature.
  Tensor temperature() const { return narrow(temperature_); }
  /// The probability of 1 of the distribution that is relaxed.
  Tensor probs() const { return narrow(probs_); }
  /// log(p / (1 - p)).
  Tensor logits() const { return narrow(logits_); }
  Constraint support() const override { return constraints::unit_interval(); }
  bool has_rsample() const override { return true; }

 private:
  RelaxedBernoulli(const Parameters& p, const ProbsOrLogits& from);
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor temperature_, probs_, logits_;
};

/// OneHotCategorical distributions that are relaxed to vectors of probabilities.
class RelaxedOneHotCategorical : public Distribution {
 public:
  /// Throws Error unless temperature, which is one number, is above 0, and as Categorical.
  RelaxedOneHotCategorical(const Parameter& temperature, const Tensor& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  RelaxedOneHotCategorical(const Parameter& temperature, const ProbsOrLogits& p);
  /// The temperature.
  Tensor temperature() const { return narrow(temperature_); }
  /// The probabilities of the distribution that is relaxed.
  Tensor probs() const { return classes_.probs(); }
  /// Their logarithms.
  Tensor logits() const { return classes_.logits(); }
  Constraint support() const override { return constraints::simplex(); }
  bool has_rsample() const override { return true; }

 private:
  RelaxedOneHotCategorical(const Parameter& temperature, Categorical classes, std::optional<bool> validate_args);
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor temperature_;
  Categorical classes_;
};

}  // namespace hearth::distributions
