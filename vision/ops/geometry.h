// Crops, paddings and flips of images [c, h, w] or [n, c, h, w]. Every dtype; results are contiguous copies with the
// dtype. As torchvision.transforms.v2.
#pragma once

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"
#include "vision/ops/attrs.h"

namespace hearth::vision {

// The part of `size` whose first pixel is (top, left). What lies outside of the image is 0.
Tensor crop(const Tensor& x, int64_t top, int64_t left, Extent2 size);
// The middle. Where the space around it is odd, the half pixel is rounded to even; a smaller image is padded with 0,
// the odd pixel on the right and below.
Tensor center_crop(const Tensor& x, Extent2 size);

// Pixels to add on each side.
struct Padding {
  int64_t left, top, right, bottom;
  Padding(int64_t all) : Padding(all, all) {}
  Padding(int64_t horizontal, int64_t vertical) : Padding(horizontal, vertical, horizontal, vertical) {}
  Padding(int64_t l, int64_t t, int64_t r, int64_t b) : left(l), top(t), right(r), bottom(b) {}
};
struct PadOptions {
  PadMode mode = PadMode::kConstant;
  Scalar fill = 0;  // of kConstant; must fit an integer dtype
};
// kReflect needs paddings below the image's size, kSymmetric at most that.
Tensor pad(const Tensor& x, const Padding& padding, const PadOptions& options = {});

Tensor horizontal_flip(const Tensor& x);
Tensor vertical_flip(const Tensor& x);

// crop, center_crop, pad: x -> y. pad_grad: dy -> dx.
extern constinit const OpDef kCrop, kCenterCrop, kPad, kPadGrad;

}  // namespace hearth::vision
