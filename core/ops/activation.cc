#include "core/ops/activation.h"

#include <algorithm>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/math.h"
#include "core/ops/pointwise_record.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr double kRootTwoOverPi = 0.79788456080286535588, kInvRootTwoPi = 0.39894228040143267794;

Tensor normal_pdf(const Tensor& x) { return exp(square(x) * -0.5) * kInvRootTwoPi; }

// The second derivative of the tanh form of gelu. Beyond 20 it is 0; the bound keeps the powers finite.
Tensor gelu_tanh_curvature(const Tensor& unbounded) {
  const Tensor x = clamp(unbounded, -20, 20), s = square(x);
  const Tensor t = tanh((x + x * s * 0.044715) * kRootTwoOverPi);
  const Tensor slope = (s * (3 * 0.044715) + 1) * kRootTwoOverPi;  // of tanh's argument
  return (1 - square(t)) * (slope + x * x * (3 * 0.044715 * kRootTwoOverPi) - x * t * square(slope));
}

}  // namespace

HEARTH_POINTWISE(kSigmoid, "sigmoid", sigmoid, 1, kFloatTypes, kFloat, kKeepOutput, [](GradContext& g) {
  g.set(0, run(kSigmoidGrad, {g.grad(), g.output()}));
});
HEARTH_POINTWISE(kRelu, "relu", relu, 1, kNumberTypes, kCommon, kKeepOutput, [](GradContext& g) {
  g.set(0, run(kReluGrad, {g.grad(), g.output()}));
});
HEARTH_POINTWISE(kSilu, "silu", silu, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.set(0, run(kSiluGrad, {g.grad(), g.input(0)}));
});
HEARTH_POINTWISE(kGelu, "gelu", gelu, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.set(0, run(kGeluGrad, {g.grad(), g.input(0)}));
});
HEARTH_POINTWISE(kGeluTanh, "gelu_tanh", gelu_tanh, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.set(0, run(kGeluTanhGrad, {g.grad(), g.input(0)}));
});
HEARTH_POINTWISE(kLogSigmoid, "log_sigmoid", log_sigmoid, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  g.set(0, g.grad() * sigmoid(-g.input(0)));
});
HEARTH_POINTWISE(kMish, "mish", mish, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0);
  const Tensor t = tanh(softplus(x, 1, 1e9));
  g.set(0, g.grad() * (t + x * sigmoid(x) * (1 - square(t))));
});
HEARTH_POINTWISE(kHardswish, "hardswish", hardswish, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0);
  const Tensor slope = where(lt(x, 3), where(le(x, -3), Scalar(0.0), x / 3 + 0.5), Scalar(1.0));
  g.set(0, g.grad() * slope);
});
HEARTH_POINTWISE(kHardsigmoid, "hardsigmoid", hardsigmoid, 1, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  const Tensor x = g.input(0);
  g.set(0, where(logical_and(gt(x, -3), lt(x, 3)), g.grad() / 6, Scalar(0)));
});
HEARTH_POINTWISE(kHardtanh, "hardtanh", clamp, 3, kNumberTypes, kCommon, kKeepInput, [](GradContext& g) {
  const Tensor x = g.input(0);
  g.set(0, where(logical_or(le(x, g.scalar(1)), ge(x, g.scalar(2))), Scalar(0), g.grad()));
});
HEARTH_POINTWISE(kLeakyRelu, "leaky_relu", leaky_relu, 2, kFloatTypes, kFloat, kKeepInput,
                 [](GradContext& g) { g.set(0, where(gt(g.input(0), 0), g.grad(), g.grad() * g.scalar(1))); });
HEARTH_POINTWISE(kElu, "elu", elu, 2, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor x = g.input(0);
  g.set(0, where(le(x, 0), g.grad() * exp(minimum(x, 0)) * g.scalar(1), g.grad()));
});
HEARTH_POINTWISE(kSoftplus, "softplus", softplus, 3, kFloatTypes, kFloat, kKeepInput, [](GradContext& g) {
  g.widen();
  const Tensor t = g.input(0) * g.scalar(1);
  g.set(0, where(gt(t, g.scalar(2)), g.grad(), g.grad() * sigmoid(t)));
});

// Gradients as ops of their own, with gradients by public ops. Operand 0 is the incoming gradient.
HEARTH_POINTWISE(kReluGrad, "relu_grad", relu_grad, 2, kFloatTypes, kFloat, (Save{.input = {0, 1}}),
                 [](GradContext& g) {
                   if (g.needs(0)) g.set(0, run(kReluGrad, {g.grad(), g.input(1)}));
                 });
HEARTH_POINTWISE(kSigmoidGrad, "sigmoid_grad", sigmoid_grad, 2, kFloatTypes, kFloat, (Save{.input = {2, 3}}),
                 [](GradContext& g) {
                   g.widen();
                   const Tensor y = g.input(1);
                   if (g.needs(0)) g.set(0, run(kSigmoidGrad, {g.grad(), y}));
                   if (g.needs(1)) g.set(1, g.grad() * g.input(0) * (1 - y * 2));
                 });
HEARTH_POINTWISE(kTanhGrad, "tanh_grad", tanh_grad, 2, kFloatTypes, kFloat, (Save{.input = {2, 3}}),
                 [](GradContext& g) {
                   g.widen();
                   const Tensor y = g.input(1);
                   if (g.needs(0)) g.set(0, run(kTanhGrad, {g.grad(), y}));
                   if (g.needs(1)) g.set(1, g.grad() * g.input(0) * y * -2);
                 });
HEARTH_POINTWISE(kSiluGrad, "silu_grad", silu_grad, 2, kFloatTypes, kFloat, (Save{.input = {2, 3}}),
                 [](GradContext& g) {
                   g.widen();
                   const Tensor x = g.input(1);
                   if (g.needs(0)) g.set(0, run(kSiluGrad, {g.grad(), x}));
                   if (!g.needs(1)) return;
                   const Tensor s = sigmoid(x);
                   g.set(1, g.grad() * g.input(0) * (s * (1 - s)) * (x * (1 - s * 2) + 2));
                 });
HEARTH_POINTWISE(kGeluGrad, "gelu_grad", gelu_grad, 2, kFloatTypes, kFloat, (Save{.input = {2, 3}}),
                 [](GradContext& g) {
                   g.widen();
                   const Tensor x = g.input(1);
                   if (g.needs(0)) g.set(0, run(kGeluGrad, {g.grad(), x}));
                   if (g.needs(1)) g.set(1, g.grad() * g.input(0) * normal_pdf(x) * (2 - square(x)));
                 });

HEARTH_POINTWISE(kGeluTanhGrad, "gelu_tanh_grad", gelu_tanh_grad, 2, kFloatTypes, kFloat, (Save{.input = {2, 3}}),
                 [](GradContext& g) {
                   g.widen();
                   const Tensor x = g.input(1);
                   if (g.needs(0)) g.set(0, run(kGeluTanhGrad, {g.grad(), x}));
                   if (g.needs(1)) g.set(1, g.grad() * g.input(0) * gelu_tanh_curvature(x));
                 });

HEARTH_UNARY_METHODS(kSigmoid, sigmoid)
HEARTH_UNARY_METHODS(kRelu, relu)
HEARTH_UNARY_FUNCTION(kSilu, silu)
HEARTH_UNARY_FUNCTION(kLogSigmoid, log_sigmoid)
HEARTH_UNARY_FUNCTION(kMish, mish)
HEARTH_UNARY_FUNCTION(kHardswish, hardswish)
HEARTH_UNARY_FUNCTION(kHardsigmoid, hardsigmoid)
Tensor gelu(const Tensor& x, bool tanh) { return run(tanh ? kGeluTanh : kGelu, {x}); }
Tensor relu6(const Tensor& x) {
  expect_dtypes("relu6", x, kNumberTypes);
  return hardtanh(x, 0, 6);
}
Tensor hardtanh(const Tensor& x, double min, double max) {
  expect_dtypes("hardtanh", x, kNumberTypes);
  HEARTH_CHECK(min <= max, "hardtanh: min ", min, " is above max ", max);
  if (x.is_floating_point()) return run(kHardtanh, {x, min, max});
  // Of integers the bounds are whole numbers too, cut off as PyTorch does; the dtype stays.
  const auto whole = [](double v) { return static_cast<int64_t>(std::clamp(v, -0x1p62, 0x1p62)); };
  return run(kHardtanh, {x, whole(min), whole(max)});
}
Tensor leaky_relu(const Tensor& x, double negative_slope) { return run(kLeakyRelu, {x, negative_slope}); }
Tensor prelu(const Tensor& x, const Tensor& weight) {
  const CalledAs called("prelu");
  expect_defined("prelu", {x, weight});
  const int64_t channels = x.dim() >= 2 ? x.shape()[1] : 1;
  HEARTH_CHECK(weight.numel() == 1 || (weight.dim() == 1 && weight.numel() == channels),
               "prelu: the weight must have one element or ", channels, " for an input of shape ", x.shape(),
               ", but its shape is ", weight.shape());
  Shape part = Dims::filled(std::max(x.dim(), 1), 1);
  if (weight.numel() > 1) part[1] = channels;
  const Tensor w = x.dim() == 0 ? reshape(weight, {}) : reshape(weight, part);
  // What is passed on does not meet the weight: of infinity its gradient would be NaN.
  const Tensor positive = gt(x, 0);
  return where(positive, x, w * where(positive, Scalar(0.0), x));
}
Tensor glu(const Tensor& x, int64_t d) {
  const CalledAs called("glu");
  expect_dtypes("glu", x, kFloatTypes);
  HEARTH_CHECK(x.dim() > 0, "glu: a 0-dim tensor cannot be halved");
  const int w = wrap_dim(d, x.dim(), "glu");
  const int64_t n = x.shape()[w];
  HEARTH_CHECK(n % 2 == 0, "glu: dimension ", w, " of shape ", x.shape(), " cannot be halved");
  if (is_half(x.dtype())) return machinery::cast(glu(machinery::widened(x), d), x.dtype());
  return slice(x, w, 0, n / 2) * sigmoid(slice(x, w, n / 2, n));
}
Tensor elu(const Tensor& x, double alpha) { return run(kElu, {x, alpha}); }
Tensor selu(const Tensor& x) {
  if (x.defined() && is_half(x.dtype())) return machinery::cast(selu(machinery::widened(x)), x.dtype());
  return elu(x, 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946;
}
Tensor softplus(const Tensor& x, double beta, double threshold) { return run(kSoftplus, {x, beta, threshold}); }

}  // namespace hearth
