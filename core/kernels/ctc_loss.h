// Kernels of the CTC loss (CtcLossAttrs). Any strides. Sums over alignments are made in f64, as logarithms.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void ctc_loss(OpCall&);       // log_probs, targets, input_lengths, target_lengths -> losses
void ctc_loss_grad(OpCall&);  // dlosses, log_probs, targets, input_lengths, target_lengths -> dlog_probs

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void ctc_loss(OpCall&);
[[gnu::weak]] void ctc_loss_grad(OpCall&);

}  // namespace hearth::cuda
