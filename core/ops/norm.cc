#include "core/ops/norm.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/norm.h"
#include "core/op/attrs/norm.h"
#include "core/op/grad_context.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The statistics that a gradient is given are as the forward made them.
void expect_statistics(const OpCall& c) {
  if (!is_floating_point(c.dtype)) return;  // run() says so
  for (int i : {3, 4}) expect_dtype(c, i, DTypeSet{compute_type(c.dtype)});
}

// Weights and running statistics may be of another floating-point dtype than the input.
void expect_floats(const OpCall& c) {
  for (int i = 1; i < c.inputs(); ++i) {
    if (c.is_tensor(i)) expect_dtype(c, i, kFloatTypes);
  }
}

void infer_layer_norm(OpCall& c) {
  const Tensor& x = c.input(0);
  const auto dims = static_cast<int>(c.attrs_as<LayerNormAttrs>().dims);
  expect_floats(c);
  HEARTH_CHECK(dims >= 1 && dims <= x.dim(), "layer_norm: ", dims,
               " dimensions cannot be normalised in a tensor of shape ", x.shape());
  Shape rows, part;
  for (int d = 0; d < x.dim(); ++d) {
    rows.push_back(d < x.dim() - dims ? x.shape()[d] : 1);
    if (d >= x.dim() - dims) part.push_back(x.shape()[d]);
  }
  for (int i : {1, 2}) {
    HEARTH_CHECK(!c.is_tensor(i) || c.input(i).shape() == part, "layer_norm: ", i == 1 ? "weight" : "bias",
                 " has shape ", c.input(i).shape(), "; expected ", part);
  }
  c.make(0, x.shape(), c.dtype);
  c.make(1, rows, compute_type(c.dtype));
  c.make(2, rows, compute_type(c.dtype));
}

void infer_layer_norm_grad(OpCall& c) {
  const Tensor& x = c.input(1);
  const auto dims = static_cast<int>(c.attrs_as<LayerNormAttrs>().dims);
  Shape part;
  for (int d = x.dim() - dims; d < x.dim(); ++d) part.push_back(x.shape()[d]);
  expect_statistics(c);
  c.make(0, x.shape(), c.dtype);
  c.make(1, part, compute_type(c.dtype));
  c.make(2, part, compute_type(c.dtype));
}

// The composed gradient, used where a gradient of it may be wanted. `around` are the dimensions the statistics run
// over.
void composed_backward(GradContext& g, const Tensor& x, const OptionalTensor& weight, const Shape& weight_shape,
                       const Tensor& mean, const Tensor& rstd, const Dims& around, bool center, bool fixed) {
  const Tensor xhat = (x - mean) * rstd;
  const Tensor gw = weight ? g.grad() * view(*weight, weight_shape) : g.grad();
  if (g.needs(0)) {
    Tensor inner = gw;
    if (!fixed) {
      inner = inner - xhat * hearth::mean(gw * xhat, around, true);
      if (center) inner = inner - hearth::mean(gw, around, true);
    }
    g.set(0, inner * rstd);
  }
  if (g.needs(1)) g.set(1, view(sum_to(g.grad() * xhat, weight_shape), g.input_shape(1)));
  if (g.needs(2)) g.set(2, view(sum_to(g.grad(), weight_shape), g.input_shape(2)));
}

}  // namespace

extern constinit const OpDef kLayerNormGrad = {
    .name = "layer_norm_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b100,
    .outputs = 3,
    .visible = 3,
    .internal = true,
    .attrs = &attrs_type<LayerNormAttrs>,
    .infer = infer_layer_norm_grad,
    .kernel = {cpu::layer_norm_grad, cuda::layer_norm_grad},
};
HEARTH_OP(kLayerNormGrad);

extern constinit const OpDef kLayerNorm = {
    .name = "layer_norm",
    .version = 2,
    .oldest = 1,
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b110,
    .outputs = 3,
    .visible = 1,
    .attrs = &attrs_type<LayerNormAttrs>,
    .infer = infer_layer_norm,
    .save = {.input = {kAnyGradient, 1}, .outputs = 0b110},
    .kernel = {cpu::layer_norm, cuda::layer_norm},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<LayerNormAttrs>();
          if (GradMode::enabled()) g.widen();
          const Tensor x = g.input(0);
          const OptionalTensor w = g.is_tensor(1) && g.needs(0) ? OptionalTensor(g.input(1)) : std::nullopt;
          if (GradMode::enabled()) {
            // Statistics as functions of x again, so that their own gradients follow.
            Dims around;
            Shape part = Dims::filled(x.dim(), 1);
            for (int d = x.dim() - static_cast<int>(a.dims); d < x.dim(); ++d) {
              around.push_back(d);
              part[d] = x.shape()[d];
            }
            const Tensor m = a.center ? mean(x, around, true) : zeros({}, {.dtype = x.dtype(), .device = x.device()});
            const Tensor r = rsqrt(mean(square(x - m), around, true) + a.eps);
            return composed_backward(g, x, w, part, m, r, around, a.center, false);
          }
          auto d = run_all(kLayerNormGrad, {g.grad(), x, w, g.output(1), g.output(2)}, a);
          for (int i = 0; i < 3; ++i) g.set(i, d[static_cast<size_t>(i)]);
        },
};
HEARTH_OP(kLayerNorm);

namespace {

// [n, groups] of x [n, c, ...].
Shape group_statistics(const Shape& x, int64_t groups) {
  HEARTH_CHECK(x.rank() >= 2, "group_norm: expected at least 2 dimensions, but the shape is ", x);
  HEARTH_CHECK(groups >= 1 && x[1] % groups == 0, "group_norm: ", x[1], " channels do not divide into ", groups,
               " groups");
  int64_t size = x[1];
  for (int d = 2; d < x.rank(); ++d) size *= x[d];
  HEARTH_CHECK(size > 0, "group_norm: a group of a tensor of shape ", x, " has no elements");
  return {x[0], groups};
}

void infer_group_norm(OpCall& c) {
  const Shape& x = c.input(0).shape();
  expect_floats(c);
  const Shape statistics = group_statistics(x, c.attrs_as<GroupNormAttrs>().groups);
  for (int i : {1, 2}) {
    HEARTH_CHECK(!c.is_tensor(i) || c.input(i).shape() == Shape{x[1]}, "group_norm: the ", i == 1 ? "weight" : "bias",
                 " has shape ", c.input(i).shape(), "; expected ", Shape{x[1]});
  }
  c.make(0, x, c.dtype);
  c.make(1, statistics, compute_type(c.dtype));
  c.make(2, statistics, compute_type(c.dtype));
}

void infer_group_norm_grad(OpCall& c) {
  const Shape& x = c.input(1).shape();
  expect_statistics(c);
  const Shape statistics = group_statistics(x, c.attrs_as<GroupNormAttrs>().groups);
  const Shape channels{x[1]};
  const Shape* const expected[] = {&x, &x, &channels, &statistics, &statistics};
  for (int i = 0; i < 5; ++i) {
    HEARTH_CHECK(!c.is_tensor(i) || c.input(i).shape() == *expected[i], "group_norm_grad: operand ", i, " has shape ",
                 c.input(i).shape(), "; expected ", *expected[i]);
  }
  c.make(0, x, c.dtype);
  c.make(1, channels, compute_type(c.dtype));
  c.make(2, channels, compute_type(c.dtype));
}

}  // namespace

extern constinit const OpDef kGroupNormGrad = {
    .name = "group_norm_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b100,
    .outputs = 3,
    .visible = 3,
    .internal = true,
    .attrs = &attrs_type<GroupNormAttrs>,
    .infer = infer_group_norm_grad,
    .kernel = {cpu::group_norm_grad, cuda::group_norm_grad},
};
HEARTH_OP(kGroupNormGrad);

extern constinit const OpDef kGroupNorm = {
    .name = "group_norm",
    .dtypes = kFloatTypes,
    .autocast = AutocastPolicy::kF32,
    .min_inputs = 3,
    .max_inputs = 3,
    .absent = 0b110,
    .outputs = 3,
    .visible = 1,
    .attrs = &attrs_type<GroupNormAttrs>,
    .infer = infer_group_norm,
    .save = {.input = {kAnyGradient, 1}, .outputs = 0b110},
    .kernel = {cpu::group_norm, cuda::group_norm},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<GroupNormAttrs>();
          if (GradMode::enabled()) g.widen();
          const Tensor x = g.input(0);
          const OptionalTensor w = g.is_tensor(1) && g.needs(0) ? OptionalTensor(g.input(1)) : std::nullopt;
          if (GradMode::enabled()) {
            Shape part = Dims::filled(x.dim(), 1);
            part[1] = x.shape()[1];
            // Each group as a row: [n, groups, -1].
            Shape rows{x.shape()[0], a.groups, 1};
            rows[2] = x.numel() / std::max<int64_t>(rows[0] * rows[1], 1);
            const Dims around{2};
            const Tensor flat = reshape(x, rows);
            const Tensor m = mean(flat, around, true);
            const Tensor r = rsqrt(mean(square(flat - m), around, true) + a.eps);
            const Tensor xhat = (flat - m) * r;
            if (g.needs(0)) {
              const Tensor gw = reshape(w ? g.grad() * view(*w, part) : g.grad(), rows);
              const Tensor inner = gw - mean(gw, around, true) - xhat * mean(gw * xhat, around, true);
              g.set(0, reshape(inner * r, x.shape()));
            }
            if (g.needs(1)) g.set(1, view(sum_to(g.grad() * reshape(xhat, x.shape()), part), g.input_shape(1)));
            if (g.needs(2)) g.set(2, view(sum_to(g.grad(), part), g.input_shape(2)));
            return;
          }
          auto d = run_all(kGroupNormGrad, {g.grad(), x, w, g.output(1), g.output(2)}, a);
          for (int i = 0; i < 3; ++i) g.set(i, d[static_cast<size_t>(i)]);
        },
};
HEARTH_OP(kGroupNorm);

namespace {

// Of rank 4. The result is channels-last.
void infer_batch_norm(OpCall& c) {
  const Tensor& x = c.input(0);
  expect_floats(c);
  HEARTH_CHECK(x.dim() == 4, "batch_norm: expected 4 dimensions, but the shape is ", x.shape());
  const Shape channels{x.shape()[1]};
  const char* names[] = {"", "weight", "bias", "running mean", "running variance"};
  for (int i = 1; i < 5; ++i) {
    HEARTH_CHECK(!c.is_tensor(i) || c.input(i).shape() == channels, "batch_norm: the ", names[i], " has shape ",
                 c.input(i).shape(), "; expected ", channels);
  }
  const bool training = c.attrs_as<BatchNormAttrs>().training;
  HEARTH_CHECK(training || (c.is_tensor(3) && c.is_tensor(4)),
               "batch_norm: without training it needs running statistics");
  HEARTH_CHECK(!training || x.numel() == 0 || x.numel() / x.shape()[1] > 1,
               "batch_norm: training needs more than one value per channel, but the shape is ", x.shape());
  c.make(0, x.shape(), channels_last_strides(x.shape()), c.dtype);
  c.make(1, channels, compute_type(c.dtype));
  c.make(2, channels, compute_type(c.dtype));
}

void infer_batch_norm_grad(OpCall& c) {
  const Shape& x = c.input(1).shape();
  expect_statistics(c);
  c.make(0, x, channels_last_strides(x), c.dtype);
  c.make(1, {x[1]}, compute_type(c.dtype));
  c.make(2, {x[1]}, compute_type(c.dtype));
}

}  // namespace

extern constinit const OpDef kBatchNormGrad = {
    .name = "batch_norm_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b100,
    .outputs = 3,
    .visible = 3,
    .internal = true,
    .attrs = &attrs_type<BatchNormAttrs>,
    .infer = infer_batch_norm_grad,
    .kernel = {cpu::batch_norm_grad, cuda::batch_norm_grad},
};
HEARTH_OP(kBatchNormGrad);

extern constinit const OpDef kBatchNorm = {
    .name = "batch_norm",
    .version = 2,
    .oldest = 1,
    .dtypes = kFloatTypes,
    .min_inputs = 5,
    .max_inputs = 5,
    .absent = 0b11110,
    .outputs = 3,
    .visible = 1,
    .attrs = &attrs_type<BatchNormAttrs>,
    .infer = infer_batch_norm,
    .save = {.input = {kAnyGradient, 1}, .outputs = 0b110},
    .kernel = {cpu::batch_norm, cuda::batch_norm},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<BatchNormAttrs>();
          if (GradMode::enabled()) g.widen();
          const Tensor x = g.input(0);
          const OptionalTensor w = g.is_tensor(1) && g.needs(0) ? OptionalTensor(g.input(1)) : std::nullopt;
          const Shape part{1, x.shape()[1], 1, 1};
          if (GradMode::enabled()) {
            const Dims around{0, 2, 3};
            if (!a.training) {
              return composed_backward(g, x, w, part, view(g.output(1), part), view(g.output(2), part), around, true,
                                       true);
            }
            const Tensor m = mean(x, around, true);
            return composed_backward(g, x, w, part, m, rsqrt(mean(square(x - m), around, true) + a.eps), around, true,
                                     false);
          }
          auto d = run_all(kBatchNormGrad, {g.grad(), x, w, g.output(1), g.output(2)}, a);
          for (int i = 0; i < 3; ++i) g.set(i, d[static_cast<size_t>(i)]);
        },
};
HEARTH_OP(kBatchNorm);

namespace {

Tensor normalise_last(const Tensor& x, const Shape& shape, const OptionalTensor& weight, const OptionalTensor& bias,
                      double eps, bool center, const char* op) {
  expect_defined(op, {x});
  HEARTH_CHECK(x.dim() >= shape.rank(), op, ": the tensor of shape ", x.shape(), " does not end in ", shape);
  for (int d = 0; d < shape.rank(); ++d) {
    HEARTH_CHECK(x.shape()[x.dim() - shape.rank() + d] == shape[d], op, ": the tensor of shape ", x.shape(),
                 " does not end in ", shape);
  }
  return run(kLayerNorm, {x, weight, bias}, LayerNormAttrs{shape.rank(), eps, center});
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight, const OptionalTensor& bias,
                  double eps) {
  const CalledAs called("layer_norm");
  return normalise_last(x, shape, weight, bias, eps, true, "layer_norm");
}
Tensor rms_norm(const Tensor& x, const Shape& shape, const OptionalTensor& weight, std::optional<double> eps) {
  const CalledAs called("rms_norm");
  expect_defined("rms_norm", {x});
  const double least = x.dtype() == f64 ? std::numeric_limits<double>::epsilon()
                                        : static_cast<double>(std::numeric_limits<float>::epsilon());
  return normalise_last(x, shape, weight, std::nullopt, eps.value_or(least), false, "rms_norm");
}

Tensor group_norm(const Tensor& x, int64_t groups, const OptionalTensor& weight, const OptionalTensor& bias,
                  double eps) {
  const CalledAs called("group_norm");
  return run(kGroupNorm, {x, weight, bias}, GroupNormAttrs{groups, eps});
}

Tensor batch_norm(const Tensor& x, const OptionalTensor& running_mean, const OptionalTensor& running_var,
                  const OptionalTensor& weight, const OptionalTensor& bias, const BatchNormOptions& o) {
  const CalledAs called("batch_norm");
  expect_defined("batch_norm", {x});
  HEARTH_CHECK(x.dim() >= 2, "batch_norm: expected at least 2 dimensions, but the shape is ", x.shape());
  HEARTH_CHECK(!o.training || x.numel() == 0 || x.numel() > x.shape()[1],
               "batch_norm: training needs more than one value in each channel, but the shape is ", x.shape());
  Tensor image = x;
  if (x.dim() > 4) {  // a volume as an image of as many rows as all its planes have
    int64_t height = 1;
    for (int d = 2; d + 1 < x.dim(); ++d) height *= x.shape()[d];
    image = reshape(x, {x.shape()[0], x.shape()[1], height, x.shape().back()});
  }
  while (image.dim() < 4) image = unsqueeze(image, 2);
  const bool update = o.training && running_mean && running_var && x.numel() > 0;
  const auto out =
      run_all(kBatchNorm,
              {image, weight, bias, o.training ? std::nullopt : running_mean, o.training ? std::nullopt : running_var},
              BatchNormAttrs{o.training, o.eps});
  if (update) {
    NoGrad off;
    const double n = static_cast<double>(x.numel()) / static_cast<double>(x.shape()[1]);
    // In f64: little of a small variance is left beside eps in f32, and less than nothing would be.
    const Tensor var = clamp(1 / square(out[2].to(f64)) - o.eps, 0) * (n / (n - 1));
    Tensor mean_to = *running_mean, var_to = *running_var;
    mean_to.lerp_(out[1], o.momentum);
    var_to.lerp_(var.to(var_to.dtype() == f64 ? f64 : f32), o.momentum);
  }
  return x.dim() == 4 ? out[0] : reshape(out[0], x.shape());
}

}  // namespace hearth
