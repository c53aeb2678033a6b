/// Activation functions, for each element.
///
/// Integers give f32 unless a function says otherwise. f16 and bf16 are computed in f32 and rounded once.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// 1 / (1 + e^-x).
Tensor sigmoid(const Tensor& x);
/// max(x, 0). Integers keep their dtype; not for bool. The gradient at 0 is 0.
Tensor relu(const Tensor& x);
/// min(max(x, 0), 6). Integers keep their dtype; not for bool. The gradient at 0 and 6 is 0.
Tensor relu6(const Tensor& x);
/// x sigmoid(x) (Elfwing, Uchibe and Doya, 2018).
Tensor silu(const Tensor& x);
/// x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel, 2016). `tanh` takes their approximation
/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); PyTorch: approximate="tanh".
Tensor gelu(const Tensor& x, bool tanh = false);
/// log(sigmoid(x)), without overflow. PyTorch calls it logsigmoid.
Tensor log_sigmoid(const Tensor& x);
/// x tanh(log(1 + e^x)) (Misra, 2019).
Tensor mish(const Tensor& x);
/// x relu6(x + 3) / 6 (Howard et al., 2019). The gradient is 0 at -3 and 1 at 3.
Tensor hardswish(const Tensor& x);
/// relu6(x + 3) / 6. The gradient at -3 and 3 is 0.
Tensor hardsigmoid(const Tensor& x);
/// x limited to [min, max]. Integers keep their dtype, and the bounds are cut to integers; not for bool. The gradient
/// at the bounds is 0. Throws Error if min > max.
Tensor hardtanh(const Tensor& x, double min = -1, double max = 1);
/// x where it is positive, else negative_slope x. The gradient at 0 is negative_slope.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
/// x where it is positive, else weight x (He et al., 2015). weight has one element, or is [c] with one for each channel
/// (dimension 1 of x). Throws Error for another shape. The gradient at 0 is the weight.
Tensor prelu(const Tensor& x, const Tensor& weight);
/// The first half along dimension d times sigmoid of the second half (Dauphin et al., 2017). Floating-point only.
/// Throws Error if the dimension's size is odd or x is 0-dim.
Tensor glu(const Tensor& x, int64_t d = -1);
/// x where it is positive, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter, 2016). The gradient at 0 is
/// alpha.
Tensor elu(const Tensor& x, double alpha = 1);
/// 1.0507 elu(x, 1.6733), with the constants of Klambauer et al., 2017, in double precision.
Tensor selu(const Tensor& x);
/// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> sigmoid(x).
extern constinit const OpDef kSigmoid;
/// x -> relu(x).
extern constinit const OpDef kRelu;
/// x -> silu(x).
extern constinit const OpDef kSilu;
/// x -> gelu(x).
extern constinit const OpDef kGelu;
/// x -> gelu(x, true), the approximation by tanh.
extern constinit const OpDef kGeluTanh;
/// x -> log_sigmoid(x).
extern constinit const OpDef kLogSigmoid;
/// x -> mish(x).
extern constinit const OpDef kMish;
/// x -> hardswish(x).
extern constinit const OpDef kHardswish;
/// x -> hardsigmoid(x).
extern constinit const OpDef kHardsigmoid;
/// (x, min, max) -> hardtanh(x, min, max); min and max are numbers. relu6() calls it too.
extern constinit const OpDef kHardtanh;
/// (x, negative_slope) -> leaky_relu(x, negative_slope); the slope is a number.
extern constinit const OpDef kLeakyRelu;
/// (x, alpha) -> elu(x, alpha); alpha is a number.
extern constinit const OpDef kElu;
/// (x, beta, threshold) -> softplus(x, beta, threshold); beta and threshold are numbers.
extern constinit const OpDef kSoftplus;
/// The gradient of kRelu: (dy, y) -> dx.
extern constinit const OpDef kReluGrad;
/// The gradient of kSigmoid: (dy, y) -> dx.
extern constinit const OpDef kSigmoidGrad;
/// The gradient of kTanh: (dy, y) -> dx.
extern constinit const OpDef kTanhGrad;
/// The gradient of kSilu: (dy, x) -> dx.
extern constinit const OpDef kSiluGrad;
/// The gradient of kGelu: (dy, x) -> dx.
extern constinit const OpDef kGeluGrad;
/// The gradient of kGeluTanh: (dy, x) -> dx.
extern constinit const OpDef kGeluTanhGrad;

}  // namespace hearth
