/// Transposed convolutions, also called deconvolutions: what the gradient of a convolution does to that of its result.
///
/// f16, bf16, f32 and f64, all operands of one dtype; f16 and bf16 are summed in f32. Results have channels-last
/// strides (see conv.h). The bits of a result do not depend on the number of threads. Throws Error if shapes do not
/// fit.
#pragma once

#include <optional>

#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How conv_transpose1d() moves the kernel over the result. See ConvTranspose2dOptions.
struct ConvTranspose1dOptions {
  int64_t stride = 1;          ///< The distance of windows, at least 1.
  int64_t padding = 0;         ///< What the result loses on both sides, at least 0.
  int64_t output_padding = 0;  ///< What the result gains at the end, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  int64_t dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};
/// How conv_transpose2d() moves the kernel over the result: the options of the convolution that it transposes.
struct ConvTranspose2dOptions {
  Extent2 stride = 1;          ///< The distance of windows, at least 1.
  Extent2 padding = 0;         ///< What the result loses on both sides, at least 0.
  Extent2 output_padding = 0;  ///< What the result gains at the bottom and on the right, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  Extent2 dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};
/// How conv_transpose3d() moves the kernel over the result. See ConvTranspose2dOptions.
struct ConvTranspose3dOptions {
  Extent3 stride = 1;          ///< The distance of windows, at least 1.
  Extent3 padding = 0;         ///< What the result loses on both sides, at least 0.
  Extent3 output_padding = 0;  ///< What the result gains at the end of each dimension, below stride or dilation.
  int64_t groups = 1;          ///< Divides both channel counts.
  Extent3 dilation = 1;        ///< The distance in the result of neighbours in the kernel, at least 1.
};

/// x [n, c, l] or [c, l], weight [c, out / groups, k], bias [out] or none. Gives [n, out, ol] or [out, ol], with ol as
/// oh of conv_transpose2d().
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
                        const ConvTranspose1dOptions& options = {});
/// x [n, c, h, w] or [c, h, w], weight [c, out / groups, kh, kw], bias [out] or none. Gives [n, out, oh, ow] (or
/// [out, oh, ow]) with oh = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1; ow likewise.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
                        const ConvTranspose2dOptions& options = {});
/// x [n, c, d, h, w] or [c, d, h, w], weight [c, out / groups, kd, kh, kw], bias [out] or none. Gives
/// [n, out, od, oh, ow] or [out, od, oh, ow]; sizes as those of conv_transpose2d().
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
                        const ConvTranspose3dOptions& options = {});

}  // namespace hearth
