// Convolutions. f16, bf16, f32 and f64, all operands of one dtype; f16 and bf16 are summed in f32 and rounded once.
// Results have channels-last strides: the shape is (N, C, H, W), the memory lies N, H, W, C. An input that lies
// otherwise is copied first, so a model converts its input once. The bits of a result do not depend on the number of
// threads.
#pragma once

#include <optional>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

struct Conv2dOptions {
  Extent2 stride = 1;
  Extent2 padding = 0;  // zeros on both sides
  Extent2 dilation = 1;
  int64_t groups = 1;  // divides both channel counts; group k of the output sees group k of the input
};
struct Conv1dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};

// x [n, c, h, w] or [c, h, w], weight [out, c / groups, kh, kw], bias [out] or none. Gives [n, out, oh, ow] with
// oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down; ow likewise.
Tensor conv2d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
              const Conv2dOptions& options = {});
// x [n, c, l] or [c, l], weight [out, c / groups, k].
Tensor conv1d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt,
              const Conv1dOptions& options = {});

// conv2d_data: (dy, weight) -> dx; conv2d_weights: (x, dy) -> dweight, dbias (empty if its attribute `bias` is false).
extern constinit const OpDef kConv2d, kConv2dData, kConv2dWeights;

}  // namespace hearth
