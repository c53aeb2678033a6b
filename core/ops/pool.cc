#include "core/ops/pool.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/kernels/pool.h"
#include "core/op/attrs/pool.h"
#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/op/shape_rules.h"
#include "core/ops/index.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

constexpr int64_t kMaxPlane = int64_t{1} << 31;  // places are i32

// The shape of the result. Throws in the op's name if the attributes do not fit.
Shape result_shape(const OpCall& c, const PoolAttrs& a, const Shape& x) {
  HEARTH_CHECK(x.rank() == 4, c.op.name, ": expected an input [n, c, h, w] or [c, h, w], but its shape is ", x);
  HEARTH_CHECK(x[2] > 0 && x[3] > 0 && x[2] < kMaxPlane / x[3], c.op.name, ": an input of shape ", x,
               " has no pixels or more than 2^31");
  HEARTH_CHECK(!a.divisor || *a.divisor != 0, c.op.name, ": divisor_override is 0");
  if (a.output.rank() > 0) {
    HEARTH_CHECK(a.output.rank() == 2 && a.output[0] >= 1 && a.output[1] >= 1, c.op.name,
                 ": an adaptive pooling's output needs 2 sizes of at least 1, but is ", a.output);
    return {x[0], x[1], a.output[0], a.output[1]};
  }
  HEARTH_CHECK(a.kernel.rank() == 2 && a.stride.rank() == 2 && a.padding.rank() == 2 && a.dilation.rank() == 2,
               c.op.name, ": kernel, stride, padding and dilation need 2 entries each, but are ", a.kernel, ", ",
               a.stride, ", ", a.padding, " and ", a.dilation);
  Shape out{x[0], x[1], 0, 0};
  for (int d = 0; d < 2; ++d) {
    const int64_t k = a.kernel[d], s = a.stride[d], p = a.padding[d], in = x[2 + d];
    HEARTH_CHECK(k >= 1 && s >= 1 && a.dilation[d] >= 1, c.op.name, ": kernel ", a.kernel, ", stride ", a.stride,
                 " and dilation ", a.dilation, " must be at least 1");
    int64_t reach;
    HEARTH_CHECK(
        k < kMaxPlane && s < kMaxPlane && !__builtin_mul_overflow(k - 1, a.dilation[d], &reach) && reach < kMaxPlane,
        c.op.name, ": kernel ", a.kernel, ", stride ", a.stride, " or dilation ", a.dilation, " is too large");
    HEARTH_CHECK(p >= 0 && p <= (reach + 1) / 2, c.op.name, ": padding ", a.padding,
                 " must be at least 0 and at most half the kernel ", a.kernel);
    const int64_t room = in + 2 * p - reach - 1;
    HEARTH_CHECK(room >= 0 || (a.ceil_mode && room + s - 1 >= 0), c.op.name, ": a kernel ", a.kernel,
                 " is larger than the input of shape ", x, " with padding ", a.padding);
    int64_t o = (room + (a.ceil_mode ? s - 1 : 0)) / s + 1;
    if (a.ceil_mode && (o - 1) * s >= in + p) --o;
    out[2 + d] = o;
  }
  return out;
}

void infer_max(OpCall& c) {
  expect_same_dtype(c);
  const Shape out = result_shape(c, c.attrs_as<PoolAttrs>(), c.input(0).shape());
  c.make(0, out, channels_last_strides(out), c.dtype);
  c.make(1, out, channels_last_strides(out), DType::kI32);
}
void infer_avg(OpCall& c) {
  expect_same_dtype(c);
  const Shape out = result_shape(c, c.attrs_as<PoolAttrs>(), c.input(0).shape());
  c.make(0, out, channels_last_strides(out), c.dtype);
}
// Of either gradient: the shape is an attribute.
void infer_grad(OpCall& c) {
  const auto& a = c.attrs_as<PoolAttrs>();
  const Shape out = result_shape(c, a, a.shape);
  for (int i = 0; i < c.inputs(); ++i) {
    HEARTH_CHECK(c.input(i).shape() == out, c.op.name, ": ", i == 0 ? "the gradient" : "the places", " of shape ",
                 c.input(i).shape(), "; expected ", out);
  }
  if (c.inputs() > 1) expect_dtype(c, 1, DTypeSet{i32});
  c.dtype = c.input(0).dtype();
  c.make(0, a.shape, channels_last_strides(a.shape), c.dtype);
}

PoolAttrs with_shape(PoolAttrs a, const Shape& shape) {
  a.shape = shape;
  return a;
}

}  // namespace

extern constinit const OpDef kMaxPool2d = {
    .name = "max_pool2d",
    .dtypes = kFloatTypes,
    .outputs = 2,
    .visible = 2,
    .attrs = &attrs_type<PoolAttrs>,
    .infer = infer_max,
    .save = {.outputs = 0b10},
    .kernel = {cpu::max_pool2d, cuda::max_pool2d},
    .backward =
        [](GradContext& g) {
          if (!g.has_grad(0)) return;
          g.set(0, run(kMaxPool2dGrad, {g.grad(0), g.output(1)}, with_shape(g.attrs<PoolAttrs>(), g.input_shape(0))));
        },
};
HEARTH_OP(kMaxPool2d);

extern constinit const OpDef kMaxPool2dGrad = {
    .name = "max_pool2d_grad",
    .dtypes = kFloatTypes,
    .min_inputs = 2,
    .max_inputs = 2,
    .internal = true,
    .attrs = &attrs_type<PoolAttrs>,
    .infer = infer_grad,
    .save = {.input = {0, 0b01}},
    .kernel = {cpu::max_pool2d_grad, cuda::max_pool2d_grad},
    .backward =
        [](GradContext& g) {
          if (!g.needs(0)) return;
          const Tensor places = g.input(1).to(DType::kI64);
          g.set(0, view(gather(flatten(g.grad().contiguous(), 2), 2, flatten(places.contiguous(), 2)), places.shape()));
        },
};
HEARTH_OP(kMaxPool2dGrad);

extern constinit const OpDef kAvgPool2d = {
    .name = "avg_pool2d",
    .dtypes = kFloatTypes,
    .attrs = &attrs_type<PoolAttrs>,
    .infer = infer_avg,
    .kernel = {cpu::avg_pool2d, cuda::avg_pool2d},
    .backward =
        [](GradContext& g) {
          g.set(0, run(kAvgPool2dGrad, {g.grad()}, with_shape(g.attrs<PoolAttrs>(), g.input_shape(0))));
        },
};
HEARTH_OP(kAvgPool2d);

extern constinit const OpDef kAvgPool2dGrad = {
    .name = "avg_pool2d_grad",
    .dtypes = kFloatTypes,
    .internal = true,
    .attrs = &attrs_type<PoolAttrs>,
    .infer = infer_grad,
    .kernel = {cpu::avg_pool2d_grad, cuda::avg_pool2d_grad},
    .backward = [](GradContext& g) { g.set(0, run(kAvgPool2d, {g.grad()}, with_shape(g.attrs<PoolAttrs>(), {}))); },
};
HEARTH_OP(kAvgPool2dGrad);

namespace {

Dims dims(Extent2 e) { return {e.h, e.w}; }
PoolAttrs attrs(Extent2 kernel, const MaxPool2dOptions& o) {
  return {.kernel = dims(kernel),
          .stride = dims(o.stride.value_or(kernel)),
          .padding = dims(o.padding),
          .dilation = dims(o.dilation),
          .ceil_mode = o.ceil_mode};
}
PoolAttrs attrs(Extent2 kernel, const AvgPool2dOptions& o) {
  return {.kernel = dims(kernel),
          .stride = dims(o.stride.value_or(kernel)),
          .padding = dims(o.padding),
          .ceil_mode = o.ceil_mode,
          .include_pad = o.count_include_pad,
          .divisor = o.divisor_override};
}
// Results of a pooling of x, with a batch dimension for the time of the call if it has none.
std::pair<Tensor, Tensor> max_pool(const char* op, const Tensor& x, const PoolAttrs& a) {
  expect_dtypes(op, x, kFloatTypes);
  const bool single = x.dim() == 3;
  auto r = run_all(kMaxPool2d, {single ? unsqueeze(x, 0) : x}, a);
  if (single) return {squeeze(r[0], 0), squeeze(r[1], 0)};
  return {r[0], r[1]};
}
Tensor avg_pool(const char* op, const Tensor& x, const PoolAttrs& a) {
  expect_dtypes(op, x, kFloatTypes);
  if (x.dim() == 3) return squeeze(run(kAvgPool2d, {unsqueeze(x, 0)}, a), 0);
  return run(kAvgPool2d, {x}, a);
}
PoolAttrs adaptive(const char* op, const Tensor& x, Extent2 output) {
  expect_dtypes(op, x, kFloatTypes);
  if (x.dim() < 2) return {.output = dims(output)};  // which is refused
  return {.output = {output.h == -1 ? x.size(-2) : output.h, output.w == -1 ? x.size(-1) : output.w}};
}
std::pair<Tensor, Tensor> with_indices(const std::pair<Tensor, Tensor>& pooled) {
  return {pooled.first, pooled.second.to(DType::kI64)};
}
// Of a line, pooled as an image.
std::pair<Tensor, Tensor> as_lines(const std::pair<Tensor, Tensor>& pooled) {
  return {squeeze(pooled.first, -2), squeeze(pooled.second, -2)};
}
MaxPool2dOptions of_image(int64_t kernel, const MaxPool1dOptions& o) {
  return {.stride = Extent2(1, o.stride.value_or(kernel)),
          .padding = {0, o.padding},
          .dilation = {1, o.dilation},
          .ceil_mode = o.ceil_mode};
}
// A line as an image of height 1.
Tensor as_image(const char* op, const Tensor& x) {
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(x.dim() == 2 || x.dim() == 3, op, ": expected an input [n, c, l] or [c, l], but its shape is ",
               x.shape());
  return unsqueeze(x, -2);
}

}  // namespace

Tensor max_pool2d(const Tensor& x, Extent2 kernel, const MaxPool2dOptions& o) {
  return max_pool("max_pool2d", x, attrs(kernel, o)).first;
}
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, Extent2 kernel, const MaxPool2dOptions& o) {
  return with_indices(max_pool("max_pool2d_with_indices", x, attrs(kernel, o)));
}
Tensor avg_pool2d(const Tensor& x, Extent2 kernel, const AvgPool2dOptions& o) {
  return avg_pool("avg_pool2d", x, attrs(kernel, o));
}
Tensor adaptive_max_pool2d(const Tensor& x, Extent2 output) {
  return max_pool("adaptive_max_pool2d", x, adaptive("adaptive_max_pool2d", x, output)).first;
}
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(const Tensor& x, Extent2 output) {
  constexpr const char* kName = "adaptive_max_pool2d_with_indices";
  return with_indices(max_pool(kName, x, adaptive(kName, x, output)));
}
Tensor adaptive_avg_pool2d(const Tensor& x, Extent2 output) {
  return avg_pool("adaptive_avg_pool2d", x, adaptive("adaptive_avg_pool2d", x, output));
}

Tensor max_pool1d(const Tensor& x, int64_t kernel, const MaxPool1dOptions& o) {
  const CalledAs called("max_pool1d");
  return squeeze(max_pool2d(as_image("max_pool1d", x), {1, kernel}, of_image(kernel, o)), -2);
}
std::pair<Tensor, Tensor> max_pool1d_with_indices(const Tensor& x, int64_t kernel, const MaxPool1dOptions& o) {
  const CalledAs called("max_pool1d_with_indices");
  return as_lines(max_pool2d_with_indices(as_image("max_pool1d_with_indices", x), {1, kernel}, of_image(kernel, o)));
}
Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& o) {
  const CalledAs called("avg_pool1d");
  const AvgPool2dOptions wide{.stride = Extent2(1, o.stride.value_or(kernel)),
                              .padding = {0, o.padding},
                              .ceil_mode = o.ceil_mode,
                              .count_include_pad = o.count_include_pad};
  return squeeze(avg_pool2d(as_image("avg_pool1d", x), {1, kernel}, wide), -2);
}
Tensor adaptive_max_pool1d(const Tensor& x, int64_t output) {
  const CalledAs called("adaptive_max_pool1d");
  return squeeze(adaptive_max_pool2d(as_image("adaptive_max_pool1d", x), {1, output}), -2);
}
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(const Tensor& x, int64_t output) {
  const CalledAs called("adaptive_max_pool1d_with_indices");
  return as_lines(adaptive_max_pool2d_with_indices(as_image("adaptive_max_pool1d_with_indices", x), {1, output}));
}
Tensor adaptive_avg_pool1d(const Tensor& x, int64_t output) {
  const CalledAs called("adaptive_avg_pool1d");
  return squeeze(adaptive_avg_pool2d(as_image("adaptive_avg_pool1d", x), {1, output}), -2);
}

}  // namespace hearth
