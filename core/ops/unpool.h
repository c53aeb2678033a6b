/// Poolings that need more than a window's greatest element or its mean.
///
/// f16, bf16, f32 and f64. Gradients flow through all functions. Throws Error if shapes do not fit.
#pragma once

#include <cstdint>
#include <optional>

#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Puts each element of x [n, c, l] or [c, l] to its place among zeros, which max_pool1d_with_indices() took it from.
/// `indices` is i64 of x's shape, `output` the size [ol] of the result.
/// Where a place is named several times, one of its elements stands there. Throws Error for a place out of range.
Tensor max_unpool1d(const Tensor& x, const Tensor& indices, int64_t output);
/// The same for x [n, c, h, w] or [c, h, w]; places are row * ow + column.
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Extent2 output);
/// The same for x [n, c, d, h, w] or [c, d, h, w]; places are (plane * oh + row) * ow + column.
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Extent3 output);

/// How the window of lp_pool() moves.
struct LpPoolOptions {
  bool ceil_mode = false;  ///< Rounds the result's size up.
};
/// The p-th root of the sum of the p-th powers of each window of x [n, c, l] or [c, l]; for an infinite p the greatest
/// of absolute values, for minus infinity the least. As in PyTorch, a negative sum, which odd powers may have, gives
/// NaN, and a window that ceil_mode lets reach over the border counts as if its missing elements were the mean of the
/// others. Where the sum is 0, so is the gradient. f16 and bf16 are rounded once. The stride is the kernel's size if
/// none is given. Throws Error if p is 0 or NaN.
Tensor lp_pool1d(const Tensor& x, double p, int64_t kernel, std::optional<int64_t> stride = std::nullopt,
                 const LpPoolOptions& options = {});
/// The same for x [n, c, h, w] or [c, h, w].
Tensor lp_pool2d(const Tensor& x, double p, Extent2 kernel, std::optional<Extent2> stride = std::nullopt,
                 const LpPoolOptions& options = {});
/// The same for x [n, c, d, h, w] or [c, d, h, w].
Tensor lp_pool3d(const Tensor& x, double p, Extent3 kernel, std::optional<Extent3> stride = std::nullopt,
                 const LpPoolOptions& options = {});

}  // namespace hearth
