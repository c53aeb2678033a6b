/// Stochastic gradient descent.
#pragma once

#include "core/op/op_def.h"
#include "core/optim/fused_optimizer.h"

namespace hearth::optim {

/// A group's options of SGD.
struct SGDOptions {
  /// The learning rate, at least 0.
  double lr = 1e-3;
  /// How much of the momentum buffer is kept at each step, at least 0; 0: there is no buffer.
  double momentum = 0;
  /// 1 minus the share of the gradient that enters the buffer. The first gradient enters as a whole.
  double dampening = 0;
  /// This share of the parameter is added to the gradient; at least 0.
  double weight_decay = 0;
  /// Nesterov's momentum: the gradient plus momentum times the buffer is the direction. Needs a momentum above 0 and a
  /// dampening of 0.
  bool nesterov = false;
  /// Goes up the gradient instead of down.
  bool maximize = false;
};

/// Throws Error, with `name` in front, if an option is out of range.
void check_options(const char* name, const SGDOptions& options);

/// Gradient descent with momentum as PyTorch has it: buffer = momentum * buffer + (1 - dampening) * gradient, parameter
/// -= lr * buffer. State: momentum_buffer.
class SGD final : public OptimizerOf<SGD, SGDOptions, &SGDOptions::momentum> {
 public:
  /// One group. Throws Error if there are no parameters, one cannot be optimized, or an option is not valid.
  explicit SGD(const Parameters& parameters, const SGDOptions& options = {});
  /// With a learning rate for the only option.
  template <LearningRate T>
  SGD(const Parameters& parameters, T lr) : SGD(parameters, SGDOptions{.lr = static_cast<double>(lr)}) {}

 private:
  friend OptimizerOf;
  SGD() : OptimizerOf("SGD") {}
  std::vector<Column> columns(size_t group, double momentum) const override;
  int64_t phase(size_t group, const Slot& slot) const override;
  void update(size_t group, int64_t phase, std::span<const Operand> rows) const override;
};

}  // namespace hearth::optim

namespace hearth {
/// Rows of parameter, gradient, momentum buffer or nothing; SgdAttrs. See core/kernels/optim.h.
extern constinit const OpDef kSgdStep;
}  // namespace hearth
