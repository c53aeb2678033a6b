/// Convolutions.
///
/// f16, bf16, f32 and f64, all operands of one dtype; f16 and bf16 are summed in f32 and rounded once. Results have
/// channels-last strides: the shape is (N, C, H, W), the memory lies N, H, W, C. An input that lies otherwise is copied
/// first, so a model converts its input once. The bits of a result do not depend on the number of threads. As in
/// PyTorch the kernel is not flipped. Throws Error if shapes do not fit or the kernel is larger than the padded input.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How conv2d() moves the kernel over the input.
struct Conv2dOptions {
  /// The distance of windows in pixels, at least 1.
  Extent2 stride = 1;
  /// Zeros on both sides of height and width, at least 0.
  Extent2 padding = 0;
  /// The distance in the input of neighbours in the kernel, at least 1.
  Extent2 dilation = 1;
  /// Divides both channel counts; group k of the output sees group k of the input.
  int64_t groups = 1;
};
/// How conv1d() moves the kernel over the input. See Conv2dOptions.
struct Conv1dOptions {
  int64_t stride = 1;    ///< The distance of windows, at least 1.
  int64_t padding = 0;   ///< Zeros on both sides, at least 0.
  int64_t dilation = 1;  ///< The distance in the input of neighbours in the kernel, at least 1.
  int64_t groups = 1;    ///< Divides both channel counts.
};

/// x [n, c, h, w] or [c, h, w], weight [out, c / groups, kh, kw], bias [out] or none. Gives [n, out, oh, ow] (or
/// [out, oh, ow]) with oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down; ow likewise.
Tensor conv2d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
              const Conv2dOptions& options = {});
/// x [n, c, l] or [c, l], weight [out, c / groups, k], bias [out] or none. Gives [n, out, ol] or [out, ol], with ol as
/// oh of conv2d().
Tensor conv1d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
              const Conv1dOptions& options = {});

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x, weight, bias) -> y, with ConvAttrs. x has 4 dimensions; the bias may be absent.
extern constinit const OpDef kConv2d;
/// (dy, weight) -> dx.
extern constinit const OpDef kConv2dData;
/// (x, dy) -> dweight, dbias (empty if the attribute `bias` is false).
extern constinit const OpDef kConv2dWeights;

}  // namespace hearth
