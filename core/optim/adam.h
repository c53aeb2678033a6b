/// Adam, and Adam with decoupled weight decay.
#pragma once

#include "core/op/op_def.h"
#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Adam.
struct AdamOptions {
  /// The learning rate, at least 0.
  double lr = 1e-3;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double beta1 = 0.9;
  /// How much of the running average of their squares is kept at each step; at least 0 and below 1.
  double beta2 = 0.999;
  /// Added to the root of the squares' average; at least 0.
  double eps = 1e-8;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// Divides by the largest average of the squares so far (Reddi, Kale and Kumar, 2018).
  bool amsgrad = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of AdamW.
struct AdamWOptions {
  /// The learning rate, at least 0.
  double lr = 1e-3;
  /// How much of the gradients' running average is kept at each step; at least 0 and below 1.
  double beta1 = 0.9;
  /// How much of the running average of their squares is kept at each step; at least 0 and below 1.
  double beta2 = 0.999;
  /// Added to the root of the squares' average; at least 0.
  double eps = 1e-8;
  /// lr times this share of the parameter is taken off it at each step; at least 0.
  double weight_decay = 1e-2;
  /// Divides by the largest average of the squares so far (Reddi, Kale and Kumar, 2018).
  bool amsgrad = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdamOptions& options);
/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const AdamWOptions& options);

/// Adaptive moment estimation (Kingma and Ba, 2015). At step t, counted from 1 for each parameter,
///
///   m = beta1 * m + (1 - beta1) * g
///   v = beta2 * v + (1 - beta2) * g^2
///   parameter -= lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
///
/// with the gradient plus weight_decay * parameter for g. State: exp_avg (m), exp_avg_sq (v), and with amsgrad
/// max_exp_avg_sq. Defaults are those of the paper.
class Adam final : public OptimizerOf<Adam, AdamOptions, &AdamOptions::beta1> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit Adam(const Parameters& parameters, const AdamOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  Adam(const Parameters& parameters, T lr) : Adam(parameters, AdamOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  Adam() : OptimizerOf("Adam") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

/// Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019): g is the gradient alone, and each step
/// takes lr * weight_decay * parameter off the parameter. State as Adam's. Defaults are PyTorch's.
class AdamW final : public OptimizerOf<AdamW, AdamWOptions, &AdamWOptions::beta1> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit AdamW(const Parameters& parameters, const AdamWOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  AdamW(const Parameters& parameters, T lr) : AdamW(parameters, AdamWOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  AdamW() : OptimizerOf("AdamW") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim

namespace hearth {
/// Rows of parameter, gradient, first moment, second moment, largest second moment or nothing; AdamAttrs. See
/// core/kernels/optim.h.
extern constinit const OpDef kAdamStep;
}  // namespace hearth
