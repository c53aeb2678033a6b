/// Distributions of one of several classes.
#pragma once

#include "core/distributions/distribution.h"

namespace hearth::distributions {

/// Distributions of class numbers 0 to n - 1, as i64. The last dimension of the parameter are the classes, those before
/// it the batch. Mean and variance are NaN, as in PyTorch; samples have no gradient and are not drawn while a function
/// is traced.
///
/// Probabilities are divided by their sum. Where logarithms of them are needed they are first limited to [eps, 1 -
/// eps], so that a class of probability 0 has a finite log_prob; logits of minus infinity have not.
class Categorical : public Distribution {
 public:
  /// Throws Error if probs are negative or all 0, and if there are no classes.
  explicit Categorical(const Tensor& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  explicit Categorical(const ProbsOrLogits& p);
  /// The probabilities, which add up to 1.
  Tensor probs() const { return narrow(probs_); }
  /// Their logarithms.
  Tensor logits() const { return narrow(logits_); }
  /// The number of classes.
  int64_t num_events() const { return probs_.size(-1); }
  Constraint support() const override;
  bool has_enumerate_support() const override { return true; }

 private:
  friend class OneHotCategorical;
  friend class OneHotCategoricalStraightThrough;
  friend class Multinomial;
  friend class RelaxedOneHotCategorical;
  Categorical(const char* name, Parameters p, const ProbsOrLogits& from);
  Tensor compute_mean() const override { return nan(); }
  Tensor compute_mode() const override;
  Tensor compute_variance() const override { return nan(); }
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override;
  Tensor compute_values() const override;
  bool takes_indices() const override { return true; }
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Tensor nan() const;
  Tensor probs_, logits_;
};

/// Distributions of vectors that are 1 at one class and 0 elsewhere; otherwise as Categorical.
class OneHotCategorical : public Distribution {
 public:
  /// Throws Error as Categorical.
  explicit OneHotCategorical(const Tensor& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  explicit OneHotCategorical(const ProbsOrLogits& p);
  /// The probabilities, which add up to 1.
  Tensor probs() const { return narrow(classes_.probs_); }
  /// Their logarithms.
  Tensor logits() const { return narrow(classes_.logits_); }
  Constraint support() const override { return constraints::one_hot(); }
  bool has_enumerate_support() const override { return true; }

 private:
  friend class OneHotCategoricalStraightThrough;
  OneHotCategorical(const char* name, Categorical classes, std::optional<bool> validate_args);
  Tensor compute_mean() const override { return classes_.probs_; }
  Tensor compute_mode() const override;
  Tensor compute_variance() const override;
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  Tensor compute_log_prob(const Tensor& value) const override;
  Tensor compute_entropy() const override { return classes_.compute_entropy(); }
  Tensor compute_values() const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
  Categorical classes_;
};

/// OneHotCategorical whose samples pass their gradient straight on to the probabilities (Bengio, Leonard and Courville,
/// 2013).
class OneHotCategoricalStraightThrough : public OneHotCategorical {
 public:
  /// Throws Error as Categorical.
  explicit OneHotCategoricalStraightThrough(const Tensor& probs, std::optional<bool> validate_args = {});
  /// From one of the two.
  explicit OneHotCategoricalStraightThrough(const ProbsOrLogits& p);
  bool has_rsample() const override { return true; }

 private:
  Tensor draw(const Shape& sample_shape, Generator* generator) const override;
  std::shared_ptr<const Distribution> expanded(const Shape& batch_shape) const override;
};

}  // namespace hearth::distributions
