// Pooling layers: the functions of core/ops/pool.h with their settings kept.
#pragma once

#include <string>
#include <utility>

#include "core/nn/module.h"
#include "core/nn/repr.h"
#include "core/ops/pool.h"

namespace hearth::nn {

/// The greatest element of each window of an image. See hearth::max_pool2d().
class MaxPool2d : public Module<MaxPool2d> {
 public:
  /// With the window's size and how it moves; one number means a square. Sizes are checked by forward().
  explicit MaxPool2d(Extent2 kernel, const MaxPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  MaxPool2d(ModuleBase* parent, const char* name, Extent2 kernel, const MaxPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, h, w] or [c, h, w]. Throws Error as hearth::max_pool2d().
  Tensor forward(const Tensor& x) const { return max_pool2d(x, kernel_, options_); }
  /// The result, and where its elements were: hearth::max_pool2d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const {
    return max_pool2d_with_indices(x, kernel_, options_);
  }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const {
    return concat("kernel_size=", detail::brief(kernel_),
                  detail::field("stride", detail::brief(options_.stride.value_or(kernel_))),
                  detail::field("padding", detail::brief(options_.padding)),
                  detail::field("dilation", detail::brief(options_.dilation)),
                  detail::field("ceil_mode", options_.ceil_mode));
  }

 private:
  Extent2 kernel_;
  MaxPool2dOptions options_;
};

/// The mean of each window of an image. See hearth::avg_pool2d().
class AvgPool2d : public Module<AvgPool2d> {
 public:
  /// With the window's size and how it moves; one number means a square. Sizes are checked by forward().
  explicit AvgPool2d(Extent2 kernel, const AvgPool2dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  AvgPool2d(ModuleBase* parent, const char* name, Extent2 kernel, const AvgPool2dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, h, w] or [c, h, w]. Throws Error as hearth::avg_pool2d().
  Tensor forward(const Tensor& x) const { return avg_pool2d(x, kernel_, options_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const {
    return concat("kernel_size=", detail::brief(kernel_),
                  detail::field("stride", detail::brief(options_.stride.value_or(kernel_))),
                  detail::field("padding", detail::brief(options_.padding)));
  }

 private:
  Extent2 kernel_;
  AvgPool2dOptions options_;
};

/// The greatest element of each window of an image, whose windows make a result of a given size. See
/// hearth::adaptive_max_pool2d().
class AdaptiveMaxPool2d : public Module<AdaptiveMaxPool2d> {
 public:
  /// With the height and width of the result; one number means a square, and -1 that of x.
  explicit AdaptiveMaxPool2d(Extent2 output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveMaxPool2d(ModuleBase* parent, const char* name, Extent2 output) : Module(parent, name), output_(output) {}
  /// x [n, c, h, w] or [c, h, w]. Gives [n, c, output height, output width], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_max_pool2d(x, output_); }
  /// The result, and where its elements were: hearth::adaptive_max_pool2d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const { return adaptive_max_pool2d_with_indices(x, output_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("output_size=", detail::brief_output(output_)); }

 private:
  Extent2 output_;
};

/// The mean of each window of an image, whose windows make a result of a given size. See
/// hearth::adaptive_avg_pool2d().
class AdaptiveAvgPool2d : public Module<AdaptiveAvgPool2d> {
 public:
  /// With the height and width of the result; one number means a square, and -1 that of x.
  explicit AdaptiveAvgPool2d(Extent2 output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveAvgPool2d(ModuleBase* parent, const char* name, Extent2 output) : Module(parent, name), output_(output) {}
  /// x [n, c, h, w] or [c, h, w]. Gives [n, c, output height, output width], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool2d(x, output_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("output_size=", detail::brief_output(output_)); }

 private:
  Extent2 output_;
};

/// The greatest element of each window of a sequence. See hearth::max_pool1d().
class MaxPool1d : public Module<MaxPool1d> {
 public:
  /// With the window's size and how it moves. Sizes are checked by forward().
  explicit MaxPool1d(int64_t kernel, const MaxPool1dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  MaxPool1d(ModuleBase* parent, const char* name, int64_t kernel, const MaxPool1dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, l] or [c, l]. Throws Error as hearth::max_pool1d().
  Tensor forward(const Tensor& x) const { return max_pool1d(x, kernel_, options_); }
  /// The result, and where its elements were: hearth::max_pool1d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const {
    return max_pool1d_with_indices(x, kernel_, options_);
  }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const {
    return concat("kernel_size=", detail::brief(kernel_),
                  detail::field("stride", detail::brief(options_.stride.value_or(kernel_))),
                  detail::field("padding", detail::brief(options_.padding)),
                  detail::field("dilation", detail::brief(options_.dilation)),
                  detail::field("ceil_mode", options_.ceil_mode));
  }

 private:
  int64_t kernel_;
  MaxPool1dOptions options_;
};

/// The mean of each window of a sequence. See hearth::avg_pool1d().
class AvgPool1d : public Module<AvgPool1d> {
 public:
  /// With the window's size and how it moves. Sizes are checked by forward().
  explicit AvgPool1d(int64_t kernel, const AvgPool1dOptions& options = {}) : kernel_(kernel), options_(options) {}
  /// The same as a member of `parent`.
  AvgPool1d(ModuleBase* parent, const char* name, int64_t kernel, const AvgPool1dOptions& options = {})
      : Module(parent, name), kernel_(kernel), options_(options) {}
  /// x [n, c, l] or [c, l]. Throws Error as hearth::avg_pool1d().
  Tensor forward(const Tensor& x) const { return avg_pool1d(x, kernel_, options_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const {
    return concat("kernel_size=", detail::repr(Dims{kernel_}),
                  detail::field("stride", Dims{options_.stride.value_or(kernel_)}),
                  detail::field("padding", Dims{options_.padding}));
  }

 private:
  int64_t kernel_;
  AvgPool1dOptions options_;
};

/// The greatest element of each window of a sequence, whose windows make a result of a given size. See
/// hearth::adaptive_max_pool1d().
class AdaptiveMaxPool1d : public Module<AdaptiveMaxPool1d> {
 public:
  /// With the size of the result; -1 is that of x.
  explicit AdaptiveMaxPool1d(int64_t output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveMaxPool1d(ModuleBase* parent, const char* name, int64_t output) : Module(parent, name), output_(output) {}
  /// x [n, c, l] or [c, l]. Gives [n, c, output], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_max_pool1d(x, output_); }
  /// The result, and where its elements were: hearth::adaptive_max_pool1d_with_indices().
  std::pair<Tensor, Tensor> with_indices(const Tensor& x) const { return adaptive_max_pool1d_with_indices(x, output_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("output_size=", detail::output(output_)); }

 private:
  int64_t output_;
};

/// The mean of each window of a sequence, whose windows make a result of a given size. See
/// hearth::adaptive_avg_pool1d().
class AdaptiveAvgPool1d : public Module<AdaptiveAvgPool1d> {
 public:
  /// With the size of the result; -1 is that of x.
  explicit AdaptiveAvgPool1d(int64_t output) : output_(output) {}
  /// The same as a member of `parent`.
  AdaptiveAvgPool1d(ModuleBase* parent, const char* name, int64_t output) : Module(parent, name), output_(output) {}
  /// x [n, c, l] or [c, l]. Gives [n, c, output], or the same without n.
  Tensor forward(const Tensor& x) const { return adaptive_avg_pool1d(x, output_); }
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const { return concat("output_size=", detail::output(output_)); }

 private:
  int64_t output_;
};

}  // namespace hearth::nn
