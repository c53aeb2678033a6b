/// Adagrad and Adadelta: steps divided by the gradients so far.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Adagrad.
struct AdagradOptions {
  /// The learning rate, at least 0.
  double lr = 1e-2;
  /// The rate of step t, counted from 1, is lr / (1 + (t - 1) * lr_decay); at least 0.
  double lr_decay = 0;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// What the sum of squares begins with; at least 0.
  double initial_accumulator_value = 0;
  /// Added to the root of the sum; at least 0.
  double eps = 1e-10;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of Adadelta.
struct AdadeltaOptions {
  /// What the step is multiplied by, at least 0.
  double lr = 1;
  /// How much of the running averages is kept at each step; from 0 to 1.
  double rho = 0.9;
  /// Added to both averages before their roots are taken; at least 0.
  double eps = 1e-6;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdagradOptions& options);

/// Steps divided by the root of the sum of all squares (Duchi, Hazan and Singer, 2011). With the gradient plus
/// weight_decay * parameter for g,
///
///   s += g^2
///   parameter -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)
///
/// State: sum (s). Defaults are PyTorch's.
class Adagrad final : public OptimizerOf<Adagrad, AdagradOptions> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Adagrad(const Parameters& parameters, const AdagradOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Adagrad(const Parameters& parameters, T lr) : Adagrad(parameters, AdagradOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  Adagrad() : OptimizerOf("Adagrad") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdadeltaOptions& options);

/// Steps in the units of the parameter (Zeiler, 2012). With the gradient plus weight_decay * parameter for g,
///
///   s = rho * s + (1 - rho) * g^2
///   d = sqrt(a + eps) / sqrt(s + eps) * g
///   a = rho * a + (1 - rho) * d^2
///   parameter -= lr * d
///
/// State: square_avg (s) and acc_delta (a). Defaults are PyTorch's.
class Adadelta final : public OptimizerOf<Adadelta, AdadeltaOptions> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Adadelta(const Parameters& parameters, const AdadeltaOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Adadelta(const Parameters& parameters, T lr) : Adadelta(parameters, AdadeltaOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  Adadelta() : OptimizerOf("Adadelta") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim
