/// Tensors brought to another size: torch.nn.functional.interpolate.
///
/// x is [n, c, l], [n, c, h, w] or [n, c, d, h, w]. f16, bf16, f32 and f64, in the nearest modes every dtype; f16 and
/// bf16 are computed in f32 and rounded once. Gradients flow. The bits of a result do not depend on the number of
/// threads. For images as they come from files see vision/ops/resize.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How interpolate() finds elements.
enum class InterpolateMode : uint8_t {
  kNearest,       ///< Element floor(i step). PyTorch: "nearest".
  kNearestExact,  ///< Element floor((i + 0.5) step), as Pillow. PyTorch: "nearest-exact".
  kLinear,   ///< By a line between neighbours, of 1, 2 or 3 dimensions. PyTorch: "linear", "bilinear", "trilinear".
  kBicubic,  ///< By Keys' cubic with a = -0.75, antialiased -0.5. Images only.
  kArea,     ///< The means of adaptive_avg_pool.
};

/// How interpolate() computes.
struct InterpolateOptions {
  /// How elements are found.
  InterpolateMode mode = InterpolateMode::kNearest;
  /// The first and the last element stay at the ends, kLinear and kBicubic only. Otherwise borders of elements meet.
  bool align_corners = false;
  /// Widens the filter where an image becomes smaller, kLinear and kBicubic only.
  bool antialias = false;
};

/// x with the sizes `size` behind the first two dimensions; one number stands for all.
/// Throws Error for another rank, sizes below 1, no elements to compute from, and options that the mode does not have.
Tensor interpolate(const Tensor& x, const Dims& size, const InterpolateOptions& options = {});
/// The same with factors: sizes are floor(size factor), and steps between results 1 / factor, as in PyTorch;
/// where `recompute_scale_factor` is set, and in kLinear and antialiased where a size stays, the steps follow from the
/// sizes. One factor stands for all dimensions.
Tensor interpolate_by(const Tensor& x, const std::vector<double>& scale_factor, const InterpolateOptions& options = {},
                      bool recompute_scale_factor = false);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.

/// x -> y, one dimension at a time, with InterpolateAttrs.
extern constinit const OpDef kInterpolate;
/// dy -> dx, with InterpolateAttrs.
extern constinit const OpDef kInterpolateGrad;

}  // namespace hearth
