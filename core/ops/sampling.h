/// Images sampled at points: spatial transformers (Jaderberg et al., 2015).
///
/// Points are given as (x, y), or (x, y, z), from -1 to 1 across the image. Floating-point only; f16 and bf16 are
/// computed in f32 and rounded once. Gradients flow through both functions.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// How grid_sample() finds the value of a point.
enum class SampleMode : uint8_t {
  kBilinear,  ///< From the 4 pixels around it, in volumes from the 8. PyTorch: mode="bilinear".
  kNearest,  ///< From the nearest pixel; of a point in the middle the one with the even number. No gradient for points.
  kBicubic,  ///< From the 16 pixels around it, by Keys' cubic with a = -0.75. Images only.
};

/// What grid_sample() takes outside of the image.
enum class SamplePadding : uint8_t {
  kZeros,       ///< 0.
  kBorder,      ///< The nearest pixel of the border.
  kReflection,  ///< The image mirrored at its border, as often as needed.
};

/// What grid_sample() does beside sampling.
struct GridSampleOptions {
  SampleMode mode = SampleMode::kBilinear;             ///< How values are found.
  SamplePadding padding_mode = SamplePadding::kZeros;  ///< What is outside.
  /// -1 and 1 are the centres of the outermost pixels, not their outer edges.
  bool align_corners = false;
};

/// The values of images [n, c, h, w] at the points of a grid [n, oh, ow, 2]: [n, c, oh, ow]; of volumes [n, c, d, h, w]
/// at [n, od, oh, ow, 3]: [n, c, od, oh, ow]. With kZeros and linear or cubic sampling, points that are NaN give NaN.
/// Throws Error if ranks, batches or dtypes differ or there are no pixels.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options = {});

/// The grid of an affine map: for each pixel of images of the given size [n, c, h, w], or of volumes [n, c, d, h, w],
/// its point (x, y, 1) multiplied by the matrix theta [n, 2, 3], or (x, y, z, 1) by [n, 3, 4]: [n, h, w, 2] or [n, d,
/// h, w, 3]. `align_corners` as in GridSampleOptions. Throws Error if the shapes do not fit.
Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners = false);

}  // namespace hearth
