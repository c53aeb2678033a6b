/// Activation functions that are made of other ops, and in-place forms.
///
/// f16 and bf16 are computed in f32 and rounded once. Gradients flow. Functions that end in _ write their result into x
/// and give it back; they throw Error as all in-place functions for a leaf that requires a gradient.
#pragma once

#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// x where it is positive, else alpha (e^(x / alpha) - 1) (Barron, 2017). Floating-point only. The gradient at 0 is 1.
/// Throws Error if alpha is 0.
Tensor celu(const Tensor& x, double alpha = 1);
/// x / (1 + |x|). Integers give f32. As in PyTorch NaN for infinities.
Tensor softsign(const Tensor& x);
/// x moved towards 0 by lambda, and 0 where |x| is at most lambda. Floating-point only. Throws Error if lambda is
/// negative or NaN.
Tensor softshrink(const Tensor& x, double lambda = 0.5);
/// x, and 0 where it is from -lambda to lambda. Floating-point only.
Tensor hardshrink(const Tensor& x, double lambda = 0.5);
/// x - tanh(x). Integers give f32.
Tensor tanhshrink(const Tensor& x);
/// x where it is above the threshold, or NaN, else value. Integers keep their dtype, and both numbers are cut to
/// integers; not for bool.
Tensor threshold(const Tensor& x, double threshold, double value);
/// x where it is positive, else x times a slope (Xu et al., 2015): in training uniform in [lower, upper) for each
/// element, drawn from `generator` or the default one, otherwise (lower + upper) / 2. Floating-point only. Throws Error
/// if lower is above upper.
Tensor rrelu(const Tensor& x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool training = false,
             Generator* generator = nullptr);
/// softmax(-x) along dimension d. Floating-point only.
Tensor softmin(const Tensor& x, int64_t d);

/// How gumbel_softmax() samples.
struct GumbelSoftmaxOptions {
  double tau = 1;                  ///< The temperature, above 0: the smaller, the nearer to one-hot.
  bool hard = false;               ///< The result is one-hot, with the gradient of the soft one.
  int64_t dim = -1;                ///< Along which dimension.
  Generator* generator = nullptr;  ///< Gives the random numbers; the default one where it is null.
};
/// A sample of the categorical distribution that logits are of, with a gradient: softmax((logits + g) / tau) with
/// Gumbel noise g (Jang, Gu and Poole, 2017). Floating-point only. Throws Error unless tau is above 0.
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxOptions& options = {});

/// elu() in place.
Tensor& elu_(Tensor& x, double alpha = 1);
/// leaky_relu() in place.
Tensor& leaky_relu_(Tensor& x, double negative_slope = 0.01);
/// hardtanh() in place.
Tensor& hardtanh_(Tensor& x, double min = -1, double max = 1);
/// threshold() in place.
Tensor& threshold_(Tensor& x, double threshold, double value);
/// rrelu() in place.
Tensor& rrelu_(Tensor& x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool training = false,
               Generator* generator = nullptr);

}  // namespace hearth
