/// Norms of gradients, and clipping by them.
#pragma once

#include <functional>
#include <span>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::optim {

/// Joins what several ranks have: takes this rank's f64 0-dim tensor and gives that of all.
using ReduceFunction = std::function<Tensor(Tensor)>;

/// The p-norm of all gradients together, as if they were one vector: a 0-dim tensor, f64 if a gradient is f64, else
/// f32; 0 where there are none. For p = infinity it is the largest absolute value. Throws Error unless p > 0. Nothing
/// is read by the host, so the result may still be on its way on a device. A parameter given twice counts once.
///
/// `reduce` is for gradients that are spread over ranks: it is applied to the sum of the p-th powers, to be added up,
/// or for p = infinity to the largest value, of which the largest is to be taken. It is called where there is no
/// gradient too.
Tensor grad_norm(std::span<const Tensor> parameters, double p = 2, const ReduceFunction& reduce = nullptr);

/// How clip_grad_norm_ goes about it.
struct ClipOptions {
  /// Which norm; above 0.
  double p = 2;
  /// Throws Error, and leaves the gradients, if the norm is NaN or infinite. The host waits for the norm then.
  bool error_if_nonfinite = false;
  /// See grad_norm.
  ReduceFunction reduce = nullptr;
};

/// Multiplies all gradients by min(max_norm / (norm + 1e-6), 1), so that the norm of them together is at most max_norm;
/// gives the norm before, as grad_norm does. A norm of NaN makes all gradients NaN, an infinite one makes finite
/// gradients 0, as in PyTorch. Throws Error unless max_norm >= 0 and p > 0.
Tensor clip_grad_norm_(std::span<const Tensor> parameters, double max_norm, const ClipOptions& options = {});

/// Clamps each gradient's elements to [-value, value]. Throws Error if the value is negative.
void clip_grad_value_(std::span<const Tensor> parameters, double value);

}  // namespace hearth::optim

namespace hearth {
/// Any number of tensors; PowerSumAttrs: the sum of the p-th powers of all elements' absolute values, or for p =
/// infinity the largest of these, as f64.
extern constinit const OpDef kPowerSum;
/// Rows of a tensor that is written and a 0-dim f32 or f64 factor: tensor *= factor.
extern constinit const OpDef kScaleEach;
}  // namespace hearth
