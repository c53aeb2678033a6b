/// Rprop and ASGD: for whole data sets, and for an average along the way.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Rprop.
struct RpropOptions {
  /// The step size of the first step, at least 0.
  double lr = 1e-2;
  /// What the step size is multiplied by where the gradient changes its sign; above 0 and below 1.
  double eta_minus = 0.5;
  /// The same where it does not; above 1.
  double eta_plus = 1.2;
  /// The smallest step size; at least 0.
  double min_step = 1e-6;
  /// The largest step size; at least min_step.
  double max_step = 50;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of ASGD.
struct AsgdOptions {
  /// The learning rate, at least 0.
  double lr = 1e-2;
  /// How fast the rate falls, and a decay; at least 0.
  double lambd = 1e-4;
  /// The power by which the rate falls.
  double alpha = 0.75;
  /// The step after which averaging begins.
  double t0 = 1e6;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const RpropOptions& options);

/// Resilient backpropagation (Riedmiller and Braun, 1993): each element has a step size of its own, which grows while
/// the gradient keeps its sign and shrinks when it changes; only the sign of the gradient counts. For gradients of the
/// whole data set. State: prev (the gradient before) and step_size. Defaults are PyTorch's.
class Rprop final : public OptimizerOf<Rprop, RpropOptions> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Rprop(const Parameters& parameters, const RpropOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Rprop(const Parameters& parameters, T lr) : Rprop(parameters, RpropOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  Rprop() : OptimizerOf("Rprop") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AsgdOptions& options);

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992). With the gradient plus weight_decay * parameter
/// for g and e(1) = lr, e(t) = lr / (1 + lambd * lr * (t - 1))^alpha,
///
///   parameter = parameter * (1 - lambd * e(t)) - e(t) * g
///   a += (parameter - a) / max(1, t - 1 - t0)
///
/// State: ax (a), the average, which is not used by the step. A learning rate that is set counts at once; in PyTorch
/// from the step after it. Defaults are PyTorch's.
class ASGD final : public OptimizerOf<ASGD, AsgdOptions> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit ASGD(const Parameters& parameters, const AsgdOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  ASGD(const Parameters& parameters, T lr) : ASGD(parameters, AsgdOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  ASGD() : OptimizerOf("ASGD") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim
