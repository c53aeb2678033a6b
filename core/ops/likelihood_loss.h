/// Losses that are minus logarithms of likelihoods. f16 and bf16 are computed in f32 and rounded once.
#pragma once

#include <optional>

#include "core/ops/loss.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// -(target log p + (1 - target) log(1 - p)), with logarithms of at least -100; p are probabilities, of other numbers
/// it is NaN. `weight` broadcasts. binary_cross_entropy_with_logits() is more exact. Throws Error if the shapes of p
/// and target differ.
Tensor binary_cross_entropy(const Tensor& p, const Tensor& target, const std::optional<Tensor>& weight = {},
                            Reduction reduction = Reduction::kMean);

/// Options of kl_div().
struct KlDivOptions {
  bool log_target = false;                 ///< The target is logarithms of probabilities, too.
  Reduction reduction = Reduction::kMean;  ///< What becomes of the losses of single elements.
  bool batch_mean = false;                 ///< The sum over all elements divided by x.size(0), in place of `reduction`.
};
/// target (log target - x), the Kullback-Leibler divergence where x are logarithms of probabilities; 0 where the target
/// is 0 and x is finite. Throws Error if the shapes differ.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {});

/// Options of poisson_nll_loss().
struct PoissonNllOptions {
  bool log_input = true;  ///< x is the logarithm of the rate, not the rate.
  bool full = false;      ///< Adds Stirling's approximation of log(target!) where the target is above 1.
  double eps = 1e-8;      ///< Added to a rate before its logarithm is taken.
  Reduction reduction = Reduction::kMean;  ///< What becomes of the losses of single elements.
};
/// e^x - target x, or x - target log(x + eps): minus the logarithm of a Poisson distribution's probability of the
/// target. The shapes broadcast.
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target, const PoissonNllOptions& options = {});

/// Options of gaussian_nll_loss().
struct GaussianNllOptions {
  bool full = false;                       ///< Adds log(2 pi) / 2.
  double eps = 1e-6;                       ///< The least variance; above 0. It does not change the gradient.
  Reduction reduction = Reduction::kMean;  ///< What becomes of the losses of single elements.
};
/// (log v + (x - target)^2 / v) / 2: minus the logarithm of a normal distribution's density at the target, with the
/// mean x and the variance v. The variance has x's shape, lacks its last dimension, or has 1 there. Of a negative
/// variance it is NaN. Throws Error if shapes do not fit.
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& variance,
                         const GaussianNllOptions& options = {});

}  // namespace hearth
