/// Pooling of volumes: each result element is the greatest, or the mean, of a window of the input.
///
/// As core/ops/pool.h, of which they are made: a window of a volume is one of planes over those of rows and columns.
/// x is [n, c, d, h, w] or [c, d, h, w]. Throws Error as there.
#pragma once

#include <optional>
#include <utility>

#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How max_pool3d() moves the window. See MaxPool2dOptions.
struct MaxPool3dOptions {
  std::optional<Extent3> stride = std::nullopt;  ///< The distance of windows; the kernel's size if none is given.
  Extent3 padding = 0;                           ///< Padding on both sides, at most half the kernel.
  Extent3 dilation = 1;                          ///< The distance in the input of neighbours in the window.
  bool ceil_mode = false;                        ///< Rounds the result's size up.
};
/// How avg_pool3d() moves the window. See AvgPool2dOptions.
struct AvgPool3dOptions {
  std::optional<Extent3> stride = std::nullopt;  ///< The distance of windows; the kernel's size if none is given.
  Extent3 padding = 0;                           ///< Zeros on both sides, at most half the kernel.
  bool ceil_mode = false;                        ///< Rounds the result's size up.
  bool count_include_pad = true;                 ///< The zeros of the padding count as elements.
  std::optional<int64_t> divisor_override = std::nullopt;  ///< What sums are divided by; not 0.
};

/// The greatest of windows; sizes, NaN and equals as in max_pool2d().
Tensor max_pool3d(const Tensor& x, Extent3 kernel, const MaxPool3dOptions& options = {});
/// The result of max_pool3d(), and the i64 places of the greatest, as (plane * h + row) * w + column of the input.
/// PyTorch: return_indices=True.
std::pair<Tensor, Tensor> max_pool3d_with_indices(const Tensor& x, Extent3 kernel,
                                                  const MaxPool3dOptions& options = {});
/// The means of windows. f16 and bf16 are rounded once.
Tensor avg_pool3d(const Tensor& x, Extent3 kernel, const AvgPool3dOptions& options = {});
/// The greatest of windows that make the result `output` in size, where -1 stays that of x; see adaptive_max_pool2d().
Tensor adaptive_max_pool3d(const Tensor& x, Extent3 output);
/// The result of adaptive_max_pool3d(), and the i64 places of the greatest, as max_pool3d_with_indices().
std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(const Tensor& x, Extent3 output);
/// The means of the windows of adaptive_max_pool3d().
Tensor adaptive_avg_pool3d(const Tensor& x, Extent3 output);

}  // namespace hearth
