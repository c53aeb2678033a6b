#include "vision/ops/resize.h"

#include <algorithm>

#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "vision/kernels/resize.h"
#include "vision/ops/image.h"

namespace hearth::vision {
namespace {

bool is_nearest(Interpolation i) { return i == Interpolation::kNearest || i == Interpolation::kNearestExact; }

// The shape of the result for an image of shape x. Throws in the op's name if the attributes do not fit.
Shape result_shape(const OpCall& c, const ResizeAttrs& a, const Shape& x) {
  expect_image(c.op.name, x);
  const int64_t h = height(x), w = width(x);
  HEARTH_CHECK(h >= 1 && w >= 1 && h <= kMaxSide && w <= kMaxSide, c.op.name, ": an image of shape ", x,
               " has no pixels or a side above ", kMaxSide);
  const bool nearest = &c.op == &kResizeNearest || &c.op == &kResizeNearestGrad;
  HEARTH_CHECK(nearest == is_nearest(a.interpolation), c.op.name,
               ": the interpolation belongs to another op: ", to_string(AttrsRef(a)));
  if (a.size.rank() == 2) {
    HEARTH_CHECK(!a.max_size, c.op.name, ": max_size is for a size of one number");
    return with_sides(c.op.name, x, a.size[0], a.size[1]);
  }
  HEARTH_CHECK(a.size.rank() == 1 && a.size[0] >= 1 && a.size[0] <= kMaxSide, c.op.name,
               ": size must be one number or height and width, of at least 1, but is ", a.size);
  int64_t shorter = a.size[0], longer = shorter * std::max(h, w) / std::min(h, w);
  if (a.max_size) {
    HEARTH_CHECK(*a.max_size > shorter && *a.max_size <= kMaxSide, c.op.name, ": max_size ", *a.max_size,
                 " must be greater than the size ", shorter);
    if (longer > *a.max_size) {
      shorter = std::max<int64_t>(*a.max_size * shorter / longer, 1);
      longer = *a.max_size;
    }
  }
  return h <= w ? with_sides(c.op.name, x, shorter, longer) : with_sides(c.op.name, x, longer, shorter);
}

void infer(OpCall& c) { c.make(0, result_shape(c, c.attrs_as<ResizeAttrs>(), c.input(0).shape()), c.dtype); }
void infer_grad(OpCall& c) {
  const auto& a = c.attrs_as<ResizeAttrs>();
  const Shape y = result_shape(c, a, a.shape);
  HEARTH_CHECK(c.input(0).shape() == y, c.op.name, ": the gradient has shape ", c.input(0).shape(), "; expected ", y);
  c.make(0, a.shape, c.dtype);
}

// What the gradient is run with: both shapes by number.
ResizeAttrs between(const ResizeAttrs& a, const Shape& x, const Shape& y) {
  return {.size = {height(y), width(y)}, .interpolation = a.interpolation, .antialias = a.antialias, .shape = x};
}
ResizeAttrs forward(ResizeAttrs a) {
  a.shape = {};
  return a;
}

}  // namespace

extern constinit const OpDef kResize = {
    .name = "vision::resize",
    .dtypes = kFloatTypes | DTypeSet{u8},
    .attrs = &attrs_type<ResizeAttrs>,
    .infer = infer,
    .kernel = {cpu::resize, cuda::resize},
    .backward =
        [](GradContext& g) {
          g.set(0, run(kResizeGrad, {g.grad()}, between(g.attrs<ResizeAttrs>(), g.input_shape(0), g.grad().shape())));
        },
};
HEARTH_OP(kResize);

extern constinit const OpDef kResizeGrad = {
    .name = "vision::resize_grad",
    .dtypes = kFloatTypes,
    .attrs = &attrs_type<ResizeAttrs>,
    .infer = infer_grad,
    .kernel = {cpu::resize_grad, cuda::resize_grad},
    .backward = [](GradContext& g) { g.set(0, run(kResize, {g.grad()}, forward(g.attrs<ResizeAttrs>()))); },
};
HEARTH_OP(kResizeGrad);

extern constinit const OpDef kResizeNearest = {
    .name = "vision::resize_nearest",
    .dtypes = kAllTypes,
    .attrs = &attrs_type<ResizeAttrs>,
    .infer = infer,
    .kernel = {cpu::resize_nearest, cuda::resize_nearest},
    .backward =
        [](GradContext& g) {
          g.set(0, run(kResizeNearestGrad, {g.grad()},
                       between(g.attrs<ResizeAttrs>(), g.input_shape(0), g.grad().shape())));
        },
};
HEARTH_OP(kResizeNearest);

extern constinit const OpDef kResizeNearestGrad = {
    .name = "vision::resize_nearest_grad",
    .dtypes = kFloatTypes,
    .attrs = &attrs_type<ResizeAttrs>,
    .infer = infer_grad,
    .kernel = {cpu::resize_nearest_grad, cuda::resize_nearest_grad},
    .backward = [](GradContext& g) { g.set(0, run(kResizeNearest, {g.grad()}, forward(g.attrs<ResizeAttrs>()))); },
};
HEARTH_OP(kResizeNearestGrad);

namespace {
Tensor resized(const Tensor& x, const ResizeAttrs& a) {
  return run(is_nearest(a.interpolation) ? kResizeNearest : kResize, {x}, a);
}
}  // namespace

Tensor resize(const Tensor& x, Extent2 size, const ResizeOptions& o) {
  return resized(x, {.size = {size.h, size.w}, .interpolation = o.interpolation, .antialias = o.antialias});
}
Tensor resize_shorter_side(const Tensor& x, int64_t size, const ResizeShorterOptions& o) {
  return resized(x,
                 {.size = {size}, .max_size = o.max_size, .interpolation = o.interpolation, .antialias = o.antialias});
}

}  // namespace hearth::vision
