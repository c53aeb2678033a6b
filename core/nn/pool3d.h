// Pooling layers of volumes: the functions of core/ops/pool3d.h with their settings kept.
#pragma once

#include <utility>

#include "core/nn/module.h"
#include "core/ops/pool3d.h"

namespace hearth::nn {

/// The greatest element of each window of a volume. See hearth::max_pool3d().
class MaxPool3d : public Module<MaxPool3d> {
 public:
  /// With the window's size and how it moves; one number stands for all sides. Sizes are checked by forward().
  explicit MaxPool3d(Extent3 kernel, const MaxPool3dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  MaxPool3d(ModuleBase* parent, const char* name, Extent3 kernel, const MaxPool3dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, d, h, w] or [c, d, h, w]. Throws Error as hearth::max_pool3d().
  Tensor forward(const Tensor& x) const { return max_pool3d(x, kernel_, options_); }
  /// The result, and where its elements were: hearth::max_pool3d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const {
    return max_pool3d_with_indices(x, kernel_, options_);
  }

 private:
  Extent3 kernel_;
  MaxPool3dOptions options_;
};

/// The mean of each window of a volume. See hearth::avg_pool3d().
class AvgPool3d : public Module<AvgPool3d> {
 public:
  /// With the window's size and how it moves; one number stands for all sides. Sizes are checked by forward().
  explicit AvgPool3d(Extent3 kernel, const AvgPool3dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  AvgPool3d(ModuleBase* parent, const char* name, Extent3 kernel, const AvgPool3dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, d, h, w] or [c, d, h, w]. Throws Error as hearth::avg_pool3d().
  Tensor forward(const Tensor& x) const { return avg_pool3d(x, kernel_, options_); }

 private:
  Extent3 kernel_;
  AvgPool3dOptions options_;
};

/// The greatest element of each window of a volume, whose windows make a result of a given size. See
/// hearth::adaptive_max_pool3d().
class AdaptiveMaxPool3d : public Module<AdaptiveMaxPool3d> {
 public:
  /// With the size of the result; one number stands for all sides, and -1 is that of x.
  explicit AdaptiveMaxPool3d(Extent3 output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveMaxPool3d(ModuleBase* parent, const char* name, Extent3 output) : Module(parent, name), output_(output) {}
  /// x [n, c, d, h, w] or [c, d, h, w]. Gives [n, c, output depth, output height, output width], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_max_pool3d(x, output_); }
  /// The result, and where its elements were: hearth::adaptive_max_pool3d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const { return adaptive_max_pool3d_with_indices(x, output_); }

 private:
  Extent3 output_;
};

/// The mean of each window of a volume, whose windows make a result of a given size. See hearth::adaptive_avg_pool3d().
class AdaptiveAvgPool3d : public Module<AdaptiveAvgPool3d> {
 public:
  /// With the size of the result; one number stands for all sides, and -1 is that of x.
  explicit AdaptiveAvgPool3d(Extent3 output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveAvgPool3d(ModuleBase* parent, const char* name, Extent3 output) : Module(parent, name), output_(output) {}
  /// x [n, c, d, h, w] or [c, d, h, w]. Gives [n, c, output depth, output height, output width], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool3d(x, output_); }

 private:
  Extent3 output_;
};

}  // namespace hearth::nn
