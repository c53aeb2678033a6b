/// Adamax, NAdam and RAdam: Adam with another norm, with Nesterov's momentum, and with a rectified start.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Adamax.
struct AdamaxOptions {
  /// The learning rate, at least 0.
  double lr = 2e-3;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double beta1 = 0.9;
  /// How much of the largest gradient so far is kept at each step; at least 0 and below 1.
  double beta2 = 0.999;
  /// Added to the gradient's size; at least 0.
  double eps = 1e-8;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of NAdam.
struct NAdamOptions {
  /// The learning rate, at least 0.
  double lr = 2e-3;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double beta1 = 0.9;
  /// How much of the running average of their squares is kept at each step; at least 0 and below 1.
  double beta2 = 0.999;
  /// Added to the root of the squares' average; at least 0.
  double eps = 1e-8;
  /// A share of the parameter that is added to the gradient or, decoupled, taken off the parameter times lr; at least
  /// 0.
  double weight_decay = 0;
  /// How the momentum grows: that of step t is beta1 * (1 - 0.96^(t * momentum_decay) / 2); at least 0.
  double momentum_decay = 4e-3;
  /// Weight decay as AdamW's.
  bool decoupled_weight_decay = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of RAdam.
struct RAdamOptions {
  /// The learning rate, at least 0.
  double lr = 1e-3;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double beta1 = 0.9;
  /// How much of the running average of their squares is kept at each step; at least 0 and below 1.
  double beta2 = 0.999;
  /// Added to the root of the squares' average; at least 0.
  double eps = 1e-8;
  /// A share of the parameter that is added to the gradient or, decoupled, taken off the parameter times lr; at least
  /// 0.
  double weight_decay = 0;
  /// Weight decay as AdamW's.
  bool decoupled_weight_decay = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdamaxOptions& options);

/// Adam with the largest gradient in place of the root of the squares (Kingma and Ba, 2015). With the gradient plus
/// weight_decay * parameter for g,
///
///   m = beta1 * m + (1 - beta1) * g
///   u = max(beta2 * u, |g| + eps)
///   parameter -= lr / (1 - beta1^t) * m / u
///
/// State: exp_avg (m) and exp_inf (u). Defaults are PyTorch's.
class Adamax final : public OptimizerOf<Adamax, AdamaxOptions, &AdamaxOptions::beta1> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Adamax(const Parameters& parameters, const AdamaxOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Adamax(const Parameters& parameters, T lr) : Adamax(parameters, AdamaxOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  Adamax() : OptimizerOf("Adamax") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const NAdamOptions& options);

/// Adam with Nesterov's momentum (Dozat, 2016). With c(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2), and m, v as
/// Adam's,
///
///   parameter -= lr * (1 - c(t)) / (1 - c(1) ... c(t)) * g / (sqrt(v / (1 - beta2^t)) + eps)
///   parameter -= lr * c(t + 1) / (1 - c(1) ... c(t + 1)) * m / (sqrt(v / (1 - beta2^t)) + eps)
///
/// Where a schedule moves beta1, the product is that of the present one; PyTorch multiplies those that were.
///
/// State: exp_avg (m) and exp_avg_sq (v). Defaults are PyTorch's.
class NAdam final : public OptimizerOf<NAdam, NAdamOptions, &NAdamOptions::beta1> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit NAdam(const Parameters& parameters, const NAdamOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  NAdam(const Parameters& parameters, T lr) : NAdam(parameters, NAdamOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  NAdam() : OptimizerOf("NAdam") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const RAdamOptions& options);

/// Adam whose first steps, in which the squares' average varies too much, are not divided by it (Liu et al., 2020).
/// With m, v as Adam's, r = 2 / (1 - beta2) - 1 and r(t) = r - 2 t beta2^t / (1 - beta2^t), a step is lr * m / (1 -
/// beta1^t) and, where r(t) > 5, times
///
///   sqrt((r(t) - 4) (r(t) - 2) r / ((r - 4) (r - 2) r(t))) * sqrt(1 - beta2^t) / (sqrt(v) + eps)
///
/// State: exp_avg (m) and exp_avg_sq (v). Defaults are PyTorch's.
class RAdam final : public OptimizerOf<RAdam, RAdamOptions, &RAdamOptions::beta1> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit RAdam(const Parameters& parameters, const RAdamOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  RAdam(const Parameters& parameters, T lr) : RAdam(parameters, RAdamOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  RAdam() : OptimizerOf("RAdam") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim
