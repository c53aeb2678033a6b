// Crops, paddings and flips of images [c, h, w] or [n, c, h, w], as in torchvision.transforms.v2. They take every
// dtype. Results are contiguous copies of the same dtype.
#pragma once

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"
#include "vision/ops/attrs.h"

namespace hearth::vision {

/// The part of height and width `size` whose first pixel is (top, left). Pixels outside of the image are 0.
Tensor crop(const Tensor& x, int64_t top, int64_t left, Extent2 size);
/// The middle part of height and width `size`. If the space around it is odd, the half pixel is rounded to even. A
/// smaller image is padded with 0, the odd pixel on the right and at the bottom.
Tensor center_crop(const Tensor& x, Extent2 size);

/// How many pixels to add on each side.
struct Padding {
  int64_t left;    ///< Columns on the left.
  int64_t top;     ///< Rows on top.
  int64_t right;   ///< Columns on the right.
  int64_t bottom;  ///< Rows at the bottom.
  /// The same on all sides.
  Padding(int64_t all) : Padding(all, all) {}
  /// The same left and right, and the same on top and at the bottom.
  Padding(int64_t horizontal, int64_t vertical) : Padding(horizontal, vertical, horizontal, vertical) {}
  /// Left, top, right and bottom.
  Padding(int64_t l, int64_t t, int64_t r, int64_t b) : left(l), top(t), right(r), bottom(b) {}
};
/// Options of pad().
struct PadOptions {
  PadMode mode = PadMode::kConstant;  ///< What the added pixels are.
  Scalar fill = 0;                    ///< Their value, for kConstant. An integer dtype must be able to hold it.
};
/// Adds pixels around the image. Throws Error if a padding of kReflect is not below the image's size, or one of
/// kSymmetric is above it.
Tensor pad(const Tensor& x, const Padding& padding, const PadOptions& options = {});

/// The image with left and right exchanged.
Tensor horizontal_flip(const Tensor& x);
/// The image with top and bottom exchanged.
Tensor vertical_flip(const Tensor& x);

/// The record of crop: x -> y, with CropAttrs.
extern constinit const OpDef kCrop;
/// The record of center_crop: x -> y, with CenterCropAttrs.
extern constinit const OpDef kCenterCrop;
/// The record of pad: x -> y, with PadAttrs.
extern constinit const OpDef kPad;
/// The record of pad's gradient: dy -> dx, with PadAttrs.
extern constinit const OpDef kPadGrad;

}  // namespace hearth::vision
