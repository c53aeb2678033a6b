/// Losses as modules.
#pragma once

#include "core/nn/module.h"
#include "core/ops/ctc_loss.h"

namespace hearth::nn {

/// The loss of connectionist temporal classification. See hearth::ctc_loss().
class CTCLoss : public Module<CTCLoss> {
 public:
  /// The blank's class, the reduction, and what becomes of infinite losses.
  explicit CTCLoss(const CtcLossOptions& options = {}) : options_(options) {}
  /// ctc_loss() with the module's options.
  Tensor forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                 const Tensor& target_lengths) const {
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, options_);
  }

 private:
  CtcLossOptions options_;
};

}  // namespace hearth::nn
