// Finding where NaN comes from.
#pragma once

#include "core/op/interposer.h"

namespace hearth {

/// Options of AnomalyMode.
struct AnomalyOptions {
  /// Looks at results too: an op throws Error if its result has NaN where no operand has one.
  bool check_forward = false;
};

/// Finds where NaN comes from. While it lives, ops of this thread note the module that calls them, and backward looks
/// at every gradient in CPU memory: NaN throws Error, naming the op, the operand, and the module in which the op was
/// recorded. Slow.
class AnomalyMode final : private Interposer {
 public:
  /// Switches anomaly mode on in this thread.
  explicit AnomalyMode(AnomalyOptions options = {});
  ~AnomalyMode() override;
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

 private:
  void intercept(OpCall& call) override;

  AnomalyOptions options_;
  bool previous_;
  InterposerGuard guard_;
};

namespace autograd {
/// For the engine: throws Error if one of the gradients that a node's backward gave has NaN.
void check_gradients(Node& node, std::span<const Tensor> gradients);
}  // namespace autograd

}  // namespace hearth
