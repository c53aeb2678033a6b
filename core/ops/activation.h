// Activation functions.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

Tensor sigmoid(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor relu6(const Tensor& x);
Tensor silu(const Tensor& x);  // x sigmoid(x)
// x Phi(x) with the normal distribution function (Hendrycks and Gimpel, 2016); `tanh` takes their approximation.
Tensor gelu(const Tensor& x, bool tanh = false);
Tensor log_sigmoid(const Tensor& x);
Tensor mish(const Tensor& x);  // x tanh(softplus(x)) (Misra, 2019)
Tensor hardswish(const Tensor& x);
Tensor hardsigmoid(const Tensor& x);
Tensor hardtanh(const Tensor& x, double min = -1, double max = 1);
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
// x where it is positive, else weight x; weight has one element, or one for each channel (dimension 1).
Tensor prelu(const Tensor& x, const Tensor& weight);
// The first half along a dimension times sigmoid of the second (Dauphin et al., 2017).
Tensor glu(const Tensor& x, int64_t d = -1);
Tensor elu(const Tensor& x, double alpha = 1);
Tensor selu(const Tensor& x);  // constants of Klambauer et al., 2017
// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);

extern constinit const OpDef kSigmoid, kRelu, kSilu, kGelu, kGeluTanh, kLogSigmoid, kMish, kHardswish, kHardsigmoid,
    kHardtanh, kLeakyRelu, kElu, kSoftplus, kReluGrad, kSigmoidGrad, kTanhGrad, kSiluGrad, kGeluGrad, kGeluTanhGrad;

}  // namespace hearth
