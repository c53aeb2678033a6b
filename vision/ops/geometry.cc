#include "vision/ops/geometry.h"

#include <algorithm>

#include "core/op/grad_context.h"
#include "core/op/run.h"
#include "core/ops/index.h"
#include "core/ops/rearrange.h"
#include "vision/kernels/geometry.h"
#include "vision/ops/image.h"

namespace hearth::vision {
namespace {

void infer_crop(OpCall& c) {
  const auto& a = c.attrs_as<CropAttrs>();
  const Shape& x = c.input(0).shape();
  expect_image(c.op.name, x);
  const auto far = [](int64_t v) { return v < -kMaxSide || v > kMaxSide; };
  HEARTH_CHECK(!far(a.top) && !far(a.left), c.op.name, ": the place (", a.top, ", ", a.left, ") is farther than ",
               kMaxSide, " from the image");
  c.make(0, with_sides(c.op.name, x, a.height, a.width), c.dtype);
}

void infer_center_crop(OpCall& c) {
  const Dims& size = c.attrs_as<CenterCropAttrs>().size;
  const Shape& x = c.input(0).shape();
  expect_image(c.op.name, x);
  HEARTH_CHECK(size.rank() == 2, c.op.name, ": size must be height and width, but is ", size);
  c.make(0, with_sides(c.op.name, x, size[0], size[1]), c.dtype);
}

Shape padded_shape(const OpCall& c, const PadAttrs& a, const Shape& x) {
  expect_image(c.op.name, x);
  const int64_t h = height(x), w = width(x);
  const auto bad = [](int64_t v) { return v < 0 || v > kMaxSide; };
  HEARTH_CHECK(!bad(a.left) && !bad(a.top) && !bad(a.right) && !bad(a.bottom), c.op.name, ": paddings must be 0 to ",
               kMaxSide, ", but are ", to_string(AttrsRef(a)));
  if (a.mode != PadMode::kConstant) {
    const int64_t less = a.mode == PadMode::kReflect ? 1 : 0;
    const bool any = a.mode == PadMode::kReplicate;
    HEARTH_CHECK(h >= 1 && w >= 1, c.op.name, ": an image of shape ", x, " has no pixels to pad with");
    HEARTH_CHECK(any || (std::max(a.left, a.right) <= w - less && std::max(a.top, a.bottom) <= h - less), c.op.name,
                 ": an image of shape ", x, " is too small for ", to_string(AttrsRef(a)));
  }
  return with_sides(c.op.name, x, h + a.top + a.bottom, w + a.left + a.right);
}

void infer_pad(OpCall& c) {
  const auto& a = c.attrs_as<PadAttrs>();
  const Shape y = padded_shape(c, a, c.input(0).shape());
  if (!c.op.dtypes.contains(c.dtype)) return;  // run() says so
  if (!is_floating_point(c.dtype)) {
    const bool fits = visit(
        c.dtype, [&]<class T>() { return convert<double>(convert<T>(a.fill.to<double>())) == a.fill.to<double>(); });
    HEARTH_CHECK(fits, c.op.name, ": the fill ", a.fill, " is no value of ", c.dtype);
  }
  c.make(0, y, c.dtype);
}

// The shape of the image that was padded.
Shape unpadded(const OpCall& c, const PadAttrs& a, Shape y) {
  expect_image(c.op.name, y);
  y[y.rank() - 2] -= a.top + a.bottom;
  y[y.rank() - 1] -= a.left + a.right;
  HEARTH_CHECK(padded_shape(c, a, y) == c.input(0).shape(), c.op.name, ": the gradient's shape ", c.input(0).shape(),
               " does not fit ", to_string(AttrsRef(a)));
  return y;
}
void infer_pad_grad(OpCall& c) { c.make(0, unpadded(c, c.attrs_as<PadAttrs>(), c.input(0).shape()), c.dtype); }

}  // namespace

extern constinit const OpDef kCrop = {
    .name = "vision::crop",
    .dtypes = kAllTypes,
    .attrs = &attrs_type<CropAttrs>,
    .infer = infer_crop,
    .kernel = {cpu::crop, cuda::crop},
    .backward =
        [](GradContext& g) {
          const auto& a = g.attrs<CropAttrs>();
          const Shape& x = g.input_shape(0);
          g.set(0, crop(g.grad(), -a.top, -a.left, {height(x), width(x)}));
        },
};
HEARTH_OP(kCrop);

extern constinit const OpDef kCenterCrop = {
    .name = "vision::center_crop",
    .dtypes = kAllTypes,
    .attrs = &attrs_type<CenterCropAttrs>,
    .infer = infer_center_crop,
    .kernel = {cpu::center_crop, cuda::center_crop},
    .backward =
        [](GradContext& g) {
          const Dims& size = g.attrs<CenterCropAttrs>().size;
          const Shape& x = g.input_shape(0);
          g.set(0, crop(g.grad(), -center(height(x), size[0]), -center(width(x), size[1]), {height(x), width(x)}));
        },
};
HEARTH_OP(kCenterCrop);

extern constinit const OpDef kPad = {
    .name = "vision::pad",
    .dtypes = kAllTypes,
    .attrs = &attrs_type<PadAttrs>,
    .infer = infer_pad,
    .kernel = {cpu::pad, cuda::pad},
    .backward = [](GradContext& g) { g.set(0, run(kPadGrad, {g.grad()}, g.attrs<PadAttrs>())); },
};
HEARTH_OP(kPad);

extern constinit const OpDef kPadGrad = {
    .name = "vision::pad_grad",
    .dtypes = kFloatTypes,
    .attrs = &attrs_type<PadAttrs>,
    .infer = infer_pad_grad,
    .kernel = {cpu::pad_grad, cuda::pad_grad},
    .backward =
        [](GradContext& g) {
          PadAttrs a = g.attrs<PadAttrs>();
          a.fill = 0;
          g.set(0, run(kPad, {g.grad()}, a));
        },
};
HEARTH_OP(kPadGrad);

Tensor crop(const Tensor& x, int64_t top, int64_t left, Extent2 size) {
  return run(kCrop, {x}, CropAttrs{top, left, size.h, size.w});
}
Tensor center_crop(const Tensor& x, Extent2 size) { return run(kCenterCrop, {x}, CenterCropAttrs{{size.h, size.w}}); }
Tensor pad(const Tensor& x, const Padding& p, const PadOptions& o) {
  return run(kPad, {x}, PadAttrs{p.left, p.top, p.right, p.bottom, o.mode, o.fill});
}
Tensor horizontal_flip(const Tensor& x) {
  expect_image("horizontal_flip", x.shape());
  return flip(x, {-1});
}
Tensor vertical_flip(const Tensor& x) {
  expect_image("vertical_flip", x.shape());
  return flip(x, {-2});
}

}  // namespace hearth::vision
