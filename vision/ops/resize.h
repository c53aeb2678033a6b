// Resizing of images [c, h, w] or [n, c, h, w].
//
// Bilinear and bicubic take u8, f16, bf16, f32 and f64, nearest every dtype. The result has the same dtype and is
// contiguous. Pixel centres lie at half (align_corners = false). With antialiasing the filter widens where the image
// shrinks: u8 results are then those of Pillow to the bit, floating-point ones those of torchvision.transforms.v2.
// Without antialiasing u8 is computed in f32, clamped and rounded, ties to even. The nearest modes ignore antialiasing.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"
#include "vision/ops/attrs.h"

namespace hearth::vision {

/// Options of resize().
struct ResizeOptions {
  Interpolation interpolation = Interpolation::kBilinear;  ///< How pixels are computed.
  bool antialias = true;                                   ///< Widen the filter where the image shrinks.
};
/// Resizes to a height and width; one number means a square.
Tensor resize(const Tensor& x, Extent2 size, const ResizeOptions& options = {});

/// Options of resize_shorter_side().
struct ResizeShorterOptions {
  Interpolation interpolation = Interpolation::kBilinear;  ///< How pixels are computed.
  bool antialias = true;                                   ///< Widen the filter where the image shrinks.
  /// The longer side's limit, above `size`. If the longer side would exceed it, it becomes the limit, and the shorter
  /// side becomes smaller than `size`.
  std::optional<int64_t> max_size = std::nullopt;
};
/// Resizes and keeps the aspect ratio: the shorter side becomes `size`, the longer one size * longer / shorter, rounded
/// down, as torchvision's Resize(size) does with a single number.
Tensor resize_shorter_side(const Tensor& x, int64_t size, const ResizeShorterOptions& options = {});

/// The record of bilinear and bicubic resizing: x -> y, with ResizeAttrs.
extern constinit const OpDef kResize;
/// The record of its gradient: dy -> dx, with ResizeAttrs.
extern constinit const OpDef kResizeGrad;
/// The record of the nearest modes: x -> y, with ResizeAttrs.
extern constinit const OpDef kResizeNearest;
/// The record of their gradient: dy -> dx, with ResizeAttrs.
extern constinit const OpDef kResizeNearestGrad;

}  // namespace hearth::vision
