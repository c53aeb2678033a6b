// Layers of transposed convolutions.
#pragma once

#include <cstdint>
#include <optional>

#include "core/nn/module.h"
#include "core/ops/conv_transpose.h"

namespace hearth::nn {

/// Options of ConvTranspose1d.
struct ConvTranspose1dOptions {
  int64_t stride = 1;          ///< The distance of windows, at least 1.
  int64_t padding = 0;         ///< What the result loses on both sides, at least 0.
  int64_t output_padding = 0;  ///< What the result gains at the end, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  bool bias = true;            ///< Adds a number to each output channel.
  int64_t dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};
/// A transposed convolution of sequences. See hearth::conv_transpose1d(). Weights and bias start uniform in
/// +-1 / sqrt(out / groups * kernel), as in PyTorch.
class ConvTranspose1d : public Module<ConvTranspose1d> {
 public:
  /// From `in` channels to `out`. Throws Error unless channels, groups and kernel are at least 1 and the groups
  /// divide `in` and `out`. The options' sizes are checked by forward().
  ConvTranspose1d(int64_t in, int64_t out, int64_t kernel, const ConvTranspose1dOptions& options = {})
      : ConvTranspose1d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  ConvTranspose1d(ModuleBase* parent, const char* name, int64_t in, int64_t out, int64_t kernel,
                  const ConvTranspose1dOptions& options = {});
  /// x [n, in, l] or [in, l]. Gives [n, out, ol] or [out, ol]; hearth::conv_transpose2d() gives the
  /// formula. Throws Error if shapes do not fit.
  Tensor forward(const Tensor& x) const;
  /// The same with an output_padding that gives the result this size. Throws Error if there is none below the stride.
  Tensor forward(const Tensor& x, int64_t output_size) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// [in, out / groups, kernel].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  hearth::ConvTranspose1dOptions options_;
};

/// Options of ConvTranspose2d.
struct ConvTranspose2dOptions {
  Extent2 stride = 1;          ///< The distance of windows, at least 1.
  Extent2 padding = 0;         ///< What the result loses on both sides, at least 0.
  Extent2 output_padding = 0;  ///< What the result gains at the end, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  bool bias = true;            ///< Adds a number to each output channel.
  Extent2 dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};
/// A transposed convolution of images. See hearth::conv_transpose2d(). Weights and bias start uniform in
/// +-1 / sqrt(out / groups * kh * kw), as in PyTorch.
class ConvTranspose2d : public Module<ConvTranspose2d> {
 public:
  /// From `in` channels to `out`; one number as the kernel means a square. Throws Error unless channels, groups and
  /// kernel are at least 1 and the groups divide `in` and `out`. The options' sizes are checked by forward().
  ConvTranspose2d(int64_t in, int64_t out, Extent2 kernel, const ConvTranspose2dOptions& options = {})
      : ConvTranspose2d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  ConvTranspose2d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent2 kernel,
                  const ConvTranspose2dOptions& options = {});
  /// x [n, in, h, w] or [in, h, w]. Gives [n, out, oh, ow] or [out, oh, ow]; hearth::conv_transpose2d() gives the
  /// formula. Throws Error if shapes do not fit.
  Tensor forward(const Tensor& x) const;
  /// The same with an output_padding that gives the result this size. Throws Error if there is none below the stride.
  Tensor forward(const Tensor& x, Extent2 output_size) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// [in, out / groups, kh, kw].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  hearth::ConvTranspose2dOptions options_;
};

/// Options of ConvTranspose3d.
struct ConvTranspose3dOptions {
  Extent3 stride = 1;          ///< The distance of windows, at least 1.
  Extent3 padding = 0;         ///< What the result loses on both sides, at least 0.
  Extent3 output_padding = 0;  ///< What the result gains at the end, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  bool bias = true;            ///< Adds a number to each output channel.
  Extent3 dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};
/// A transposed convolution of volumes. See hearth::conv_transpose3d(). Weights and bias start uniform in
/// +-1 / sqrt(out / groups * kd * kh * kw), as in PyTorch.
class ConvTranspose3d : public Module<ConvTranspose3d> {
 public:
  /// From `in` channels to `out`; one number as the kernel means a cube. Throws Error unless channels, groups and
  /// kernel are at least 1 and the groups divide `in` and `out`. The options' sizes are checked by forward().
  ConvTranspose3d(int64_t in, int64_t out, Extent3 kernel, const ConvTranspose3dOptions& options = {})
      : ConvTranspose3d(nullptr, "", in, out, kernel, options) {}
  /// The same as a member of `parent`.
  ConvTranspose3d(ModuleBase* parent, const char* name, int64_t in, int64_t out, Extent3 kernel,
                  const ConvTranspose3dOptions& options = {});
  /// x [n, in, d, h, w] or [in, d, h, w]. Gives [n, out, od, oh, ow] or [out, od, oh, ow]; hearth::conv_transpose2d()
  /// gives the formula. Throws Error if shapes do not fit.
  Tensor forward(const Tensor& x) const;
  /// The same with an output_padding that gives the result this size. Throws Error if there is none below the stride.
  Tensor forward(const Tensor& x, Extent3 output_size) const;
  /// Gives the parameters their first values anew.
  void reset_parameters();

  /// [in, out / groups, kd, kh, kw].
  Parameter weight;
  /// [out], if the options ask for it.
  std::optional<Parameter> bias;

 private:
  hearth::ConvTranspose3dOptions options_;
};

}  // namespace hearth::nn
