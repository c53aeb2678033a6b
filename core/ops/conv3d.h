/// Convolutions of volumes.
///
/// As core/ops/conv.h, of which they are made: the patches along the depth are laid beside each other as channels, in
/// kernel depth / stride times the input's memory, and conv2d() does the rest.
#pragma once

#include <optional>

#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How conv3d() moves the kernel over the input.
struct Conv3dOptions {
  Extent3 stride = 1;    ///< The distance of windows, at least 1.
  Extent3 padding = 0;   ///< Zeros on both sides of depth, height and width, at least 0.
  Extent3 dilation = 1;  ///< The distance in the input of neighbours in the kernel, at least 1.
  int64_t groups = 1;    ///< Divides both channel counts; group k of the output sees group k of the input.
};

/// x [n, c, d, h, w] or [c, d, h, w], weight [out, c / groups, kd, kh, kw], bias [out] or none. Gives
/// [n, out, od, oh, ow] (or [out, od, oh, ow]); sizes follow as those of conv2d(). Throws Error as conv2d().
Tensor conv3d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
              const Conv3dOptions& options = {});

}  // namespace hearth
