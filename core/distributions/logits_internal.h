// Probabilities and their logarithms, each made of the other.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::distributions {

// p limited to [eps, 1 - eps] of its dtype, as PyTorch does before it takes logarithms.
Tensor clamped_probs(const Tensor& p);
// log p along the last dimension, of probabilities that add up to 1.
Tensor categorical_logits(const Tensor& p);
// log(p / (1 - p)) of each element.
Tensor binary_logits(const Tensor& p);

}  // namespace hearth::distributions
