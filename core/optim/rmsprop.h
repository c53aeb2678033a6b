/// RMSprop.
#pragma once

#include "core/op/op_def.h"
#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of RMSprop.
struct RMSpropOptions {
  /// The learning rate.
  double lr = 1e-2;
  /// How much of the squares' running average is kept at each step.
  double alpha = 0.99;
  /// Added to the root of the squares.
  double eps = 1e-8;
  /// This share of the parameter is added to the gradient.
  double weight_decay = 0;
  /// How much of the momentum buffer is kept at each step; 0: there is no buffer.
  double momentum = 0;
  /// Divides by the root of the gradient's variance instead of its squares (Graves, 2013).
  bool centered = false;
  /// Up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error if options are not valid.
void check_options(const char* name, const RMSpropOptions& options);

/// Tieleman and Hinton, 2012; eps is added after the root, as in PyTorch. State: square_avg, with momentum
/// momentum_buffer, and centered grad_avg.
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
