// Finding where NaN comes from.
#pragma once

#include "core/op/interposer.h"

namespace hearth {

struct AnomalyOptions {
  // Looks at results too: an op is an error whose result has NaN where no operand has one.
  bool check_forward = false;
};

// While it lives, ops of this thread note the module they run in, and backward looks at every gradient: one with NaN is
// an Error that names the op it belongs to, the operand, and the module in which the op was recorded. Slow.
class AnomalyMode final : private Interposer {
 public:
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
// Throws Error if one of the gradients that a node's backward gave has NaN.
void check_gradients(Node& node, std::span<const Tensor> gradients);
}  // namespace autograd

}  // namespace hearth
