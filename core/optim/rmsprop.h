/// RMSprop.
#pragma once

#include "core/op/op_def.h"
#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of RMSprop.
struct RMSpropOptions {
  /// The learning rate, at least 0.
  double lr = 1e-2;
  /// How much of the running average of the gradients' squares is kept at each step; from 0 to 1.
  double alpha = 0.99;
  /// Added to the root of the squares' average; at least 0.
  double eps = 1e-8;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// How much of the momentum buffer is kept at each step, at least 0; 0: there is no buffer.
  double momentum = 0;
  /// Divides by the root of the gradient's variance instead of its squares (Graves, 2013).
  bool centered = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const RMSpropOptions& options);

/// Steps divided by the root of the squares' average (Tieleman and Hinton, 2012). With the gradient plus
/// weight_decay * parameter for g,
///
///   s = alpha * s + (1 - alpha) * g^2
///   parameter -= lr * g / (sqrt(s) + eps)
///
/// With momentum b = momentum * b + g / (sqrt(s) + eps) and parameter -= lr * b. eps is added after the root, as in
/// PyTorch, from which the defaults are. State: square_avg (s), with momentum momentum_buffer (b), and centered
/// grad_avg.
class RMSprop final : public OptimizerOf<RMSprop, RMSpropOptions, &RMSpropOptions::momentum> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit RMSprop(const Parameters& parameters, const RMSpropOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  RMSprop(const Parameters& parameters, T lr) : RMSprop(parameters, RMSpropOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  RMSprop() : OptimizerOf("RMSprop") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim

namespace hearth {
/// Rows of parameter, gradient, mean of squares, momentum buffer or nothing, mean or nothing; RmspropAttrs. See
/// core/kernels/optim.h.
extern constinit const OpDef kRmspropStep;
}  // namespace hearth
