/// Adam, and Adam with decoupled weight decay.
#pragma once

#include "core/op/op_def.h"
#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of Adam.
struct AdamOptions {
  /// The learning rate.
  double lr = 1e-3;
  /// How much of the gradients' running average is kept at each step.
  double beta1 = 0.9;
  /// How much of the squares' running average is kept at each step.
  double beta2 = 0.999;
  /// Added to the root of the squares.
  double eps = 1e-8;
  /// This share of the parameter is added to the gradient.
  double weight_decay = 0;
  /// Divides by the largest average of the squares so far (Reddi, Kale and Kumar, 2018).
  bool amsgrad = false;
  /// Up the gradient instead of down.
  bool maximize = false;
};

/// A group's options of AdamW.
struct AdamWOptions {
  /// The learning rate.
  double lr = 1e-3;
  /// How much of the gradients' running average is kept at each step.
  double beta1 = 0.9;
  /// How much of the squares' running average is kept at each step.
  double beta2 = 0.999;
  /// Added to the root of the squares.
  double eps = 1e-8;
  /// lr times this share of the parameter is taken off it at each step.
  double weight_decay = 1e-2;
  /// Divides by the largest average of the squares so far (Reddi, Kale and Kumar, 2018).
  bool amsgrad = false;
  /// Up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error if options are not valid.
void check_options(const char* name, const AdamOptions& options);
/// Throws Error if options are not valid.
void check_options(const char* name, const AdamWOptions& options);

/// Kingma and Ba, 2015. State: exp_avg, exp_avg_sq, and with amsgrad max_exp_avg_sq.
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

/// Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019). State as Adam's.
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
