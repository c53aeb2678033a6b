// Convolution layers.
#pragma once

#include <optional>
#include <string>

#include "core/nn/module.h"
#include "core/ops/conv.h"
#include "core/ops/conv3d.h"
#include "core/ops/pad.h"

namespace hearth::nn {

/// Options of Conv2d.
struct Conv2dOptions {
  Extent2 stride = 1;    ///< The distance of windows in pixels, at least 1.
  Extent2 padding = 0;   ///< Elements on both sides of height and width, at least 0.
  Extent2 dilation = 1;  ///< The distance in the input of neighbours in the kernel, at least 1.
  int64_t groups = 1;    ///< Divides both channel counts; group k of the output sees group k of the input.
  bool bias = true;      ///< Adds a number to each output channel.
  /// What lies in the padding; kConstant: zeros.
  Padding padding_mode = Padding::kConstant;
  /// Pads so that the result has the input's size, with the greater part behind where the sides differ; needs a stride
  /// of 1 and no padding. PyTorch: padding="same".
  bool same = false;
};
/// A convolution of images. See hearth::conv2d(). Weights and bias start uniform in
/// +-1 / sqrt(in / groups * kh * kw), as in PyTorch.
class Conv2d : public Module<Conv2d> {
 public:
  /// From `in` channels to `out`; one number as the kernel means a square. Throws Error unless channels, groups and
  /// kernel are at least 1 and the groups divide `in` and `out`. Stride, padding and dilation are checked by forward().
  Conv2d(int64_t in, int64_t out, Extent2 kernel, const Conv2dOptions& options = {})
      : Conv2d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  Conv2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel,
         const Conv2dOptions& options = {});
  /// x [n, in, h, w] or [in, h, w]. Gives [n, out, oh, ow] or [out, oh, ow]; hearth::conv2d() gives the formula. Throws
  /// Error if shapes do not fit.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// [out, in / groups, kh, kw].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  Conv2dOptions options_;
};

/// Options of Conv1d.
struct Conv1dOptions {
  int64_t stride = 1;    ///< The distance of windows, at least 1.
  int64_t padding = 0;   ///< Elements on both sides, at least 0.
  int64_t dilation = 1;  ///< The distance in the input of neighbours in the kernel, at least 1.
  int64_t groups = 1;    ///< Divides both channel counts; group k of the output sees group k of the input.
  bool bias = true;      ///< Adds a number to each output channel.
  /// What lies in the padding; kConstant: zeros.
  Padding padding_mode = Padding::kConstant;
  /// Pads so that the result has the input's size, with the greater part behind where the sides differ; needs a stride
  /// of 1 and no padding. PyTorch: padding="same".
  bool same = false;
};
/// A convolution of sequences. See hearth::conv1d(). Weights and bias start uniform in
/// +-1 / sqrt(in / groups * kernel), as in PyTorch.
class Conv1d : public Module<Conv1d> {
 public:
  /// From `in` channels to `out`. Throws Error unless channels, groups and kernel are at least 1 and the groups divide
  /// `in` and `out`. Stride, padding and dilation are checked by forward().
  Conv1d(int64_t in, int64_t out, int64_t kernel, const Conv1dOptions& options = {})
      : Conv1d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  Conv1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel,
         const Conv1dOptions& options = {});
  /// x [n, in, l] or [in, l]. Gives [n, out, ol] or [out, ol]. Throws Error if shapes do not fit.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// [out, in / groups, kernel].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  Conv1dOptions options_;
};

/// Options of Conv3d.
struct Conv3dOptions {
  Extent3 stride = 1;    ///< The distance of windows, at least 1.
  Extent3 padding = 0;   ///< Elements on both sides of depth, height and width, at least 0.
  Extent3 dilation = 1;  ///< The distance in the input of neighbours in the kernel, at least 1.
  int64_t groups = 1;    ///< Divides both channel counts; group k of the output sees group k of the input.
  bool bias = true;      ///< Adds a number to each output channel.
  /// What lies in the padding; kConstant: zeros.
  Padding padding_mode = Padding::kConstant;
  /// Pads so that the result has the input's size, with the greater part behind where the sides differ; needs a stride
  /// of 1 and no padding. PyTorch: padding="same".
  bool same = false;
};
/// A convolution of volumes. See hearth::conv3d(). Weights and bias start uniform in
/// +-1 / sqrt(in / groups * kd * kh * kw), as in PyTorch.
class Conv3d : public Module<Conv3d> {
 public:
  /// From `in` channels to `out`; one number as the kernel means a cube. Throws Error unless channels, groups and
  /// kernel are at least 1 and the groups divide `in` and `out`. Stride, padding and dilation are checked by forward().
  Conv3d(int64_t in, int64_t out, Extent3 kernel, const Conv3dOptions& options = {})
      : Conv3d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  Conv3d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent3 kernel,
         const Conv3dOptions& options = {});
  /// x [n, in, d, h, w] or [in, d, h, w]. Gives [n, out, od, oh, ow] or [out, od, oh, ow]. Throws Error if shapes do
  /// not fit.
  Tensor forward(const Tensor& x) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();
  /// For ModuleBase::extra_repr().
  std::string extra_repr() const;

  /// [out, in / groups, kd, kh, kw].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  Conv3dOptions options_;
};

}  // namespace hearth::nn
