#include "core/ops/conv.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/conv2d.h"
#include "core/op/attrs/conv.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check_attrs(const OpCall& c, const ConvAttrs& a) {
  HEARTH_CHECK(a.stride.rank() == 2 && a.padding.rank() == 2 && a.dilation.rank() == 2, c.op.name,
               ": stride, padding and dilation need 2 entries each, but are ", a.stride, ", ", a.padding, " and ",
               a.dilation);
  for (int d = 0; d < 2; ++d) {
    HEARTH_CHECK(a.stride[d] >= 1 && a.dilation[d] >= 1 && a.padding[d] >= 0, c.op.name, ": stride ", a.stride,
                 " and dilation ", a.dilation, " must be at least 1, padding ", a.padding, " at least 0");
  }
  HEARTH_CHECK(a.groups >= 1, c.op.name, ": groups must be at least 1, but is ", a.groups);
}

// The shape of the result. Throws in the op's name if input and weight do not fit.
Shape result_shape(const OpCall& c, const ConvAttrs& a, const Shape& x, const Shape& w) {
  check_attrs(c, a);
  HEARTH_CHECK(x.rank() == 4 && w.rank() == 4, c.op.name, ": input and weight need 4 dimensions, but their shapes are ",
               x, " and ", w);
  HEARTH_CHECK(x[1] >= 1 && w[0] >= 1 && x[1] % a.groups == 0 && w[0] % a.groups == 0, c.op.name, ": ", x[1],
               " input and ", w[0], " output channels cannot be cut into ", a.groups, " groups");
  HEARTH_CHECK(w[1] == x[1] / a.groups, c.op.name, ": a weight of shape ", w, " takes ", w[1] * a.groups,
               " input channels in ", a.groups, a.groups == 1 ? " group" : " groups", ", but the input of shape ", x,
               " has ", x[1]);
  HEARTH_CHECK(x[2] >= 1 && x[3] >= 1, c.op.name, ": an input of shape ", x, " has no pixels");
  Shape out{x[0], w[0], 0, 0};
  for (int d = 0; d < 2; ++d) {
    const int64_t kernel = w[2 + d];
    HEARTH_CHECK(kernel >= 1, c.op.name, ": the kernel is empty: weight of shape ", w);
    int64_t span, padded;
    HEARTH_CHECK(!__builtin_mul_overflow(a.dilation[d], kernel - 1, &span) &&
                     !__builtin_mul_overflow(a.padding[d], int64_t{2}, &padded) &&
                     !__builtin_add_overflow(padded, x[2 + d], &padded) && span < padded,
                 c.op.name, ": a kernel of shape ", w, " with dilation ", a.dilation,
                 " is larger than the input of shape ", x, " with padding ", a.padding);
    out[2 + d] = (padded - span - 1) / a.stride[d] + 1;
  }
  return out;
}

void infer_conv2d(OpCall& c) {
  const Shape &x = c.input(0).shape(), &w = c.input(1).shape();
  expect_same_dtype(c);
  const Shape out = result_shape(c, c.attrs_as<ConvAttrs>(), x, w);
  HEARTH_CHECK(!c.is_tensor(2) || c.input(2).shape() == Shape{w[0]}, "conv2d: bias has shape ",
               c.is_tensor(2) ? c.input(2).shape() : Shape{}, "; expected [", w[0], "]");
  c.make(0, out, channels_last_strides(out), c.dtype);
}

void infer_conv2d_data(OpCall& c) {
  const auto& a = c.attrs_as<ConvAttrs>();
  expect_same_dtype(c);
  const Shape out = result_shape(c, a, a.shape, c.input(1).shape());
  HEARTH_CHECK(out == c.input(0).shape(), "conv2d_data: the gradient has shape ", c.input(0).shape(), "; expected ",
               out);
  c.make(0, a.shape, channels_last_strides(a.shape), c.dtype);
}

void infer_conv2d_weights(OpCall& c) {
  const auto& a = c.attrs_as<ConvAttrs>();
  expect_same_dtype(c);
  const Shape out = result_shape(c, a, c.input(0).shape(), a.shape);
  HEARTH_CHECK(out == c.input(1).shape(), "conv2d_weights: the gradient has shape ", c.input(1).shape(), "; expected ",
               out);
  c.make(0, a.shape, c.dtype);
  c.make(1, {a.bias ? a.shape[0] : 0}, c.dtype);
}

ConvAttrs with_shape(ConvAttrs a, const Shape& shape, bool bias = false) {
  a.shape = shape;
  a.bias = bias;
  return a;
}

}  // namespace

extern constinit const OpDef kConv2d = {
    .name = "conv2d",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b100,
    .attrs = &attrs_type<ConvAttrs>,
    .infer = infer_conv2d,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::conv2d, cuda::conv2d},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<ConvAttrs>();
          if (g.needs(0)) g.set(0, run(kConv2dData, {g.grad(), g.input(1)}, with_shape(a, g.input_shape(0))));
          if (g.needs(1)) {
            const auto d = run_all(kConv2dWeights, {g.input(0), g.grad()}, with_shape(a, g.input_shape(1), g.needs(2)));
            g.set(1, d[0]);
            if (g.needs(2)) g.set(2, d[1]);
          } else if (g.needs(2)) {
            g.set(2, g.grad().sum({0, 2, 3}));
          }
        },
};
HEARTH_OP(kConv2d);

extern constinit const OpDef kConv2dData = {
    .name = "conv2d_data",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 2,
    .max_inputs = 2,
    .attrs = &attrs_type<ConvAttrs>,
    .infer = infer_conv2d_data,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::conv2d_data, cuda::conv2d_data},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<ConvAttrs>();
          if (g.needs(0)) g.set(0, run(kConv2d, {g.grad(), g.input(1), std::nullopt}, with_shape(a, {})));
          if (g.needs(1)) g.set(1, run_all(kConv2dWeights, {g.grad(), g.input(0)}, with_shape(a, g.input_shape(1)))[0]);
        },
};
HEARTH_OP(kConv2dData);

extern constinit const OpDef kConv2dWeights = {
    .name = "conv2d_weights",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kLow,
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 2,
    .visible = 2,
    .internal = true,
    .attrs = &attrs_type<ConvAttrs>,
    .infer = infer_conv2d_weights,
    .save = {.input = {0b10, 0b01}},
    .kernel = {cpu::conv2d_weights, cuda::conv2d_weights},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<ConvAttrs>();
          if (g.needs(0) && g.has_grad(0))
            g.set(0, run(kConv2dData, {g.input(1), g.grad(0)}, with_shape(a, g.input_shape(0))));
          if (!g.needs(1)) return;
          const bool bias = a.bias && g.has_grad(1);
          if (g.has_grad(0)) {
            g.set(1, run(kConv2d, {g.input(0), g.grad(0), bias ? Operand(g.grad(1)) : Operand(std::nullopt)},
                         with_shape(a, {})));
          } else if (bias) {
            g.set(1, expand(view(g.grad(1), {1, -1, 1, 1}), g.input_shape(1)));
          }
        },
};
HEARTH_OP(kConv2dWeights);

Tensor conv2d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const Conv2dOptions& o) {
  expect_defined("conv2d", {x, weight});
  const ConvAttrs a{.stride = {o.stride.h, o.stride.w},
                    .padding = {o.padding.h, o.padding.w},
                    .dilation = {o.dilation.h, o.dilation.w},
                    .groups = o.groups};
  if (x.dim() == 3) return squeeze(run(kConv2d, {unsqueeze(x, 0), weight, bias}, a), 0);
  return run(kConv2d, {x, weight, bias}, a);
}

Tensor conv1d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const Conv1dOptions& o) {
  const CalledAs called("conv1d");
  expect_defined("conv1d", {x, weight});
  expect_dtypes("conv1d", x, kFloatTypes);
  HEARTH_CHECK((x.dim() == 3 || x.dim() == 2) && weight.dim() == 3,
               "conv1d: expected an input of 2 or 3 dimensions and a weight of 3, but the shapes are ", x.shape(),
               " and ", weight.shape());
  const Tensor y =
      conv2d(unsqueeze(x, -2), unsqueeze(weight, -2), bias,
             {.stride = {1, o.stride}, .padding = {0, o.padding}, .dilation = {1, o.dilation}, .groups = o.groups});
  return squeeze(y, -2);
}

}  // namespace hearth
