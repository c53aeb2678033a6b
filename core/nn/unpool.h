// Poolings by norms, and what undoes a pooling: the functions of core/ops/unpool.h with their settings kept.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/error.h"
#include "core/nn/module.h"
#include "core/ops/unpool.h"

namespace hearth::nn {

/// The p-norm of each window, by kPool: hearth::lp_pool1d(), lp_pool2d() or lp_pool3d(), whose sizes are of type E.
template <class E, auto kPool>
class LPPool : public Module<LPPool<E, kPool>> {
 public:
  /// With p, the window's size, the distance of windows (the window's size if none is given) and whether the result's
  /// size is rounded up. They are checked by forward().
  LPPool(double p, E kernel, std::optional<E> stride = std::nullopt, bool ceil_mode = false)
      : LPPool(nullptr, "", p, kernel, stride, ceil_mode) {}
  /// The same as a member of `parent`.
  LPPool(ModuleBase* parent, const char* name, double p, E kernel, std::optional<E> stride = std::nullopt,
         bool ceil_mode = false)
      : Module<LPPool>(parent, name), p_(p), kernel_(kernel), stride_(stride), options_{ceil_mode} {}
  /// x [n, c, ...] or [c, ...]. Throws Error as the function.
  Tensor forward(const Tensor& x) const { return kPool(x, p_, kernel_, stride_, options_); }

 private:
  double p_;
  E kernel_;
  std::optional<E> stride_;
  LpPoolOptions options_;
};

using LPPool1d = LPPool<int64_t, &lp_pool1d>;  ///< Of sequences [n, c, l] or [c, l].
using LPPool2d = LPPool<Extent2, &lp_pool2d>;  ///< Of images [n, c, h, w] or [c, h, w].
using LPPool3d = LPPool<Extent3, &lp_pool3d>;  ///< Of volumes [n, c, d, h, w] or [c, d, h, w].

/// Puts elements back to where max_pool1d_with_indices() took them from, among zeros. See hearth::max_unpool1d().
class MaxUnpool1d : public Module<MaxUnpool1d> {
 public:
  /// With the settings of the pooling; the distance of windows is their size if none is given.
  explicit MaxUnpool1d(int64_t kernel, std::optional<int64_t> stride = std::nullopt, int64_t padding = 0)
      : MaxUnpool1d(nullptr, "", kernel, stride, padding) {}
  /// The same as a member of `parent`.
  MaxUnpool1d(ModuleBase* parent, const char* name, int64_t kernel, std::optional<int64_t> stride = std::nullopt,
              int64_t padding = 0)
      : Module(parent, name), kernel_(kernel), stride_(stride.value_or(kernel)), padding_(padding) {}
  /// x and indices [n, c, l] or [c, l]. The result has the size (size - 1) stride - 2 padding + kernel.
  Tensor forward(const Tensor& x, const Tensor& indices) const {
    HEARTH_CHECK(x.dim() >= 1, "MaxUnpool1d: expected 2 or 3 dimensions, but the shape is ", x.shape());
    return forward(x, indices, (x.size(-1) - 1) * stride_ - 2 * padding_ + kernel_);
  }
  /// The same with a result of a given size, which the pooling had rounded.
  Tensor forward(const Tensor& x, const Tensor& indices, int64_t output) const {
    return max_unpool1d(x, indices, output);
  }

 private:
  int64_t kernel_, stride_, padding_;
};

/// Puts elements back to where max_pool2d_with_indices() took them from, among zeros. See hearth::max_unpool2d().
class MaxUnpool2d : public Module<MaxUnpool2d> {
 public:
  /// With the settings of the pooling; the distance of windows is their size if none is given.
  explicit MaxUnpool2d(Extent2 kernel, std::optional<Extent2> stride = std::nullopt, Extent2 padding = 0)
      : MaxUnpool2d(nullptr, "", kernel, stride, padding) {}
  /// The same as a member of `parent`.
  MaxUnpool2d(ModuleBase* parent, const char* name, Extent2 kernel, std::optional<Extent2> stride = std::nullopt,
              Extent2 padding = 0)
      : Module(parent, name), kernel_(kernel), stride_(stride.value_or(kernel)), padding_(padding) {}
  /// x and indices [n, c, h, w] or [c, h, w]. The result has the size (size - 1) stride - 2 padding + kernel.
  Tensor forward(const Tensor& x, const Tensor& indices) const {
    HEARTH_CHECK(x.dim() >= 2, "MaxUnpool2d: expected 3 or 4 dimensions, but the shape is ", x.shape());
    return forward(x, indices,
                   {(x.size(-2) - 1) * stride_.h - 2 * padding_.h + kernel_.h,
                    (x.size(-1) - 1) * stride_.w - 2 * padding_.w + kernel_.w});
  }
  /// The same with a result of a given size, which the pooling had rounded.
  Tensor forward(const Tensor& x, const Tensor& indices, Extent2 output) const {
    return max_unpool2d(x, indices, output);
  }

 private:
  Extent2 kernel_, stride_, padding_;
};

/// Puts elements back to where max_pool3d_with_indices() took them from, among zeros. See hearth::max_unpool3d().
class MaxUnpool3d : public Module<MaxUnpool3d> {
 public:
  /// With the settings of the pooling; the distance of windows is their size if none is given.
  explicit MaxUnpool3d(Extent3 kernel, std::optional<Extent3> stride = std::nullopt, Extent3 padding = 0)
      : MaxUnpool3d(nullptr, "", kernel, stride, padding) {}
  /// The same as a member of `parent`.
  MaxUnpool3d(ModuleBase* parent, const char* name, Extent3 kernel, std::optional<Extent3> stride = std::nullopt,
              Extent3 padding = 0)
      : Module(parent, name), kernel_(kernel), stride_(stride.value_or(kernel)), padding_(padding) {}
  /// x and indices [n, c, d, h, w] or [c, d, h, w]. The result has the size (size - 1) stride - 2 padding + kernel.
  Tensor forward(const Tensor& x, const Tensor& indices) const {
    HEARTH_CHECK(x.dim() >= 3, "MaxUnpool3d: expected 4 or 5 dimensions, but the shape is ", x.shape());
    return forward(x, indices,
                   {(x.size(-3) - 1) * stride_.d - 2 * padding_.d + kernel_.d,
                    (x.size(-2) - 1) * stride_.h - 2 * padding_.h + kernel_.h,
                    (x.size(-1) - 1) * stride_.w - 2 * padding_.w + kernel_.w});
  }
  /// The same with a result of a given size, which the pooling had rounded.
  Tensor forward(const Tensor& x, const Tensor& indices, Extent3 output) const {
    return max_unpool3d(x, indices, output);
  }

 private:
  Extent3 kernel_, stride_, padding_;
};

}  // namespace hearth::nn
