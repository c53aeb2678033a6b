// Images of another size. An image is [c, h, w], a batch of them [n, c, h, w].
//
// Bilinear and bicubic take u8, f16, bf16, f32 and f64, nearest every dtype; the result has the dtype and is
// contiguous. Pixel centres lie at half (align_corners = false). With antialiasing the filter widens where the image
// shrinks: u8 results are then those of Pillow to the bit, floating-point ones those of torchvision.transforms.v2.
// Without it u8 is computed in f32, clamped and rounded, ties to even. Antialiasing means nothing to the nearest modes.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"
#include "vision/ops/attrs.h"

namespace hearth::vision {

struct ResizeOptions {
  Interpolation interpolation = Interpolation::kBilinear;
  bool antialias = true;
};
// To height and width; one number means a square.
Tensor resize(const Tensor& x, Extent2 size, const ResizeOptions& options = {});

struct ResizeShorterOptions {
  Interpolation interpolation = Interpolation::kBilinear;
  bool antialias = true;
  // The longer side's limit, above `size`: where it would be passed, the longer side is that and the shorter one less.
  std::optional<int64_t> max_size = std::nullopt;
};
// Keeps the aspect: the shorter side becomes `size`, the longer one size * longer / shorter, rounded down. That is what
// torchvision's Resize(size) does with a single number.
Tensor resize_shorter_side(const Tensor& x, int64_t size, const ResizeShorterOptions& options = {});

// resize: x -> y, bilinear or bicubic. resize_nearest: x -> y. The gradients: dy -> dx.
extern constinit const OpDef kResize, kResizeGrad, kResizeNearest, kResizeNearestGrad;

}  // namespace hearth::vision
