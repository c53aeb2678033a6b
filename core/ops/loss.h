// Losses. `reduction` takes the mean over elements (weighted, where there are weights), the sum, or nothing.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

enum class Reduction : uint8_t { kMean, kSum, kNone };

struct ClassLossOptions {
  std::optional<Tensor> weight = std::nullopt;  // [classes]
  int64_t ignore_index = -100;                  // targets that do not count
  double label_smoothing = 0;                   // cross_entropy only (Szegedy et al., 2016)
  Reduction reduction = Reduction::kMean;
};
// -log softmax(x)[target]: x [n, classes, ...] unnormalised, target i64 [n, ...]; or target probabilities of x's shape,
// whose mean is taken over the samples. Of one sample [classes] without n. Ignored targets give neither loss nor
// gradient; the mean over nothing else is NaN, with a gradient of 0.
Tensor cross_entropy(const Tensor& x, const Tensor& target, const ClassLossOptions& options = {});
// -log_probabilities[target], likewise.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const ClassLossOptions& options = {});
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
// d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta = 1, Reduction reduction = Reduction::kMean);
// d^2 / 2 where |d| < delta, else delta (|d| - delta / 2) (Huber, 1964).
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta = 1, Reduction reduction = Reduction::kMean);
// -(target log p + (1 - target) log(1 - p)) with p = sigmoid(x), without overflow; pos_weight scales the first term.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const std::optional<Tensor>& weight = {},
                                        const std::optional<Tensor>& pos_weight = {},
                                        Reduction reduction = Reduction::kMean);

// x, target, weight or absent -> the loss of each target and what it counts in a mean, both f32 or, of f64, f64. The
// weight gets no gradient.
extern constinit const OpDef kCrossEntropy;
extern constinit const OpDef kCrossEntropyGrad;

}  // namespace hearth
