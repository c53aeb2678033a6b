/// The loss of connectionist temporal classification (Graves et al., 2006).
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/ops/loss.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Options of ctc_loss().
struct CtcLossOptions {
  /// The class that stands for no label.
  int64_t blank = 0;
  /// What becomes of the losses of single sequences. The mean divides each by the length of its target, at least 1.
  Reduction reduction = Reduction::kMean;
  /// Whether the loss of a target that no alignment gives is 0, with a gradient of 0, in place of infinity and NaN.
  bool zero_infinity = false;
};
/// -log of the probability of each target: the sum over all alignments with the input, in which labels may be repeated
/// and blanks stand between them.
///
/// log_probs is [steps, n, classes], or [steps, classes] of one sequence: the result of log_softmax(), f32 or f64; f16
/// and bf16 are computed in f32 and rounded once. targets holds class numbers, i64 or i32, [n, longest] or those of all
/// sequences joined, [sum of target_lengths]. The lengths are i64 or i32 [n], or 0-dim of one sequence: how many steps
/// and labels of each sequence count.
///
/// As in PyTorch the gradient is that of log_softmax and loss together, exp(log_probs) - (the share of the alignments
/// in each class): behind a log_softmax it is exact. It has no gradient itself. Throws Error if shapes or lengths do
/// not fit, or a label is out of range or the blank.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& options = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (log_probs [steps, n, classes], targets, input_lengths, target_lengths) -> the loss of each sequence, [n].
extern constinit const OpDef kCtcLoss;
/// The gradient of kCtcLoss.
extern constinit const OpDef kCtcLossGrad;

}  // namespace hearth
