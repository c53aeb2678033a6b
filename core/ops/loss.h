/// Losses. f16 and bf16 are computed in f32 and rounded once.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// What becomes of the losses of single elements.
enum class Reduction : uint8_t {
  kMean,  ///< Their mean, in cross_entropy() and nll_loss() weighted; NaN of no elements.
  kSum,   ///< Their sum.
  kNone,  ///< Themselves.
};

/// Options of cross_entropy() and nll_loss().
struct ClassLossOptions {
  /// A weight for each class, [classes].
  std::optional<Tensor> weight = std::nullopt;
  /// The class number of targets that do not count.
  int64_t ignore_index = -100;
  /// The share of the target that is spread over all classes, from 0 to 1 (Szegedy et al., 2016). cross_entropy() only.
  double label_smoothing = 0;
  /// What becomes of the losses of single targets.
  Reduction reduction = Reduction::kMean;
};
/// -log softmax(x)[target], for each target.
///
/// x is [n, classes, ...], unnormalised and floating-point. target holds class numbers, i64 or i32 [n, ...]; the mean
/// divides by the sum of their classes' weights. Ignored targets give neither loss nor gradient; the mean over nothing
/// else is NaN, with a gradient of 0. Or target holds probabilities of x's shape, whose mean is taken over the samples.
/// Of one sample x is [classes], and target 0-dim or [1], or [classes] probabilities. Throws Error if shapes do not fit
/// or a class number is out of range.
Tensor cross_entropy(const Tensor& x, const Tensor& target, const ClassLossOptions& options = {});
/// -log_probabilities[target], for each target: cross_entropy() without softmax, for class numbers only. Throws Error
/// for label smoothing.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const ClassLossOptions& options = {});
/// (x - target)^2. Throws Error if the shapes differ.
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
/// |x - target|. The gradient at 0 is 0. Throws Error if the shapes differ.
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
/// With d = x - target: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; l1_loss() for beta = 0. Throws Error if
/// the shapes differ or beta is negative.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta = 1, Reduction reduction = Reduction::kMean);
/// With d = x - target: d^2 / 2 where |d| < delta, else delta (|d| - delta / 2) (Huber, 1964). Throws Error if the
/// shapes differ or delta is not above 0.
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta = 1, Reduction reduction = Reduction::kMean);
/// -(target log p + (1 - target) log(1 - p)) with p = sigmoid(x), without overflow. `pos_weight` scales the first term,
/// `weight` the whole; both broadcast. Throws Error if the shapes of x and target differ.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight = {},
                                        const std::optional<Tensor>& pos_weight = {},
                                        Reduction reduction = Reduction::kMean);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x, target, weight or absent) -> the loss of each target and what it counts in a mean, both f32, or f64 if x is f64.
/// The weight gets no gradient.
extern constinit const OpDef kCrossEntropy;
/// The gradient of kCrossEntropy.
extern constinit const OpDef kCrossEntropyGrad;

}  // namespace hearth
