// Pooling: each result element is the greatest, or the mean, of a window of the input. f16, bf16, f32 and f64; f16 and
// bf16 are summed in f32. Results have channels-last strides (see conv.h). The bits of a result do not depend on the
// number of threads.
#pragma once

#include <optional>
#include <utility>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

struct MaxPool2dOptions {
  std::optional<Extent2> stride = std::nullopt;  // the kernel's size
  Extent2 padding = 0;                           // at most half the kernel
  Extent2 dilation = 1;
  bool ceil_mode = false;  // round the result's size up
};
struct AvgPool2dOptions {
  std::optional<Extent2> stride = std::nullopt;
  Extent2 padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;  // the zeros of the padding count as elements
  std::optional<int64_t> divisor_override = std::nullopt;
};

// x [n, c, h, w] or [c, h, w]. Gives [n, c, oh, ow] with oh = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1,
// rounded down, or up in ceil_mode (then a window that would start in the far padding is left out). NaN is greater than
// every number; of equals the first counts.
Tensor max_pool2d(const Tensor& x, Extent2 kernel, const MaxPool2dOptions& options = {});
// Also the i64 places of the greatest, as row * w + column of the input; -1 where a window lies in the padding alone.
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, Extent2 kernel,
                                                  const MaxPool2dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Extent2 kernel, const AvgPool2dOptions& options = {});
// The size of the result is given; window i of o covers elements floor(i n / o) to ceil((i + 1) n / o) - 1.
Tensor adaptive_max_pool2d(const Tensor& x, Extent2 output);
Tensor adaptive_avg_pool2d(const Tensor& x, Extent2 output);

struct MaxPool1dOptions {
  std::optional<int64_t> stride = std::nullopt;
  int64_t padding = 0, dilation = 1;
  bool ceil_mode = false;
};
struct AvgPool1dOptions {
  std::optional<int64_t> stride = std::nullopt;
  int64_t padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};
// x [n, c, l] or [c, l].
Tensor max_pool1d(const Tensor& x, int64_t kernel, const MaxPool1dOptions& options = {});
Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& options = {});
Tensor adaptive_max_pool1d(const Tensor& x, int64_t output);
Tensor adaptive_avg_pool1d(const Tensor& x, int64_t output);

// max_pool2d: x -> y, places (i32). max_pool2d_grad: (dy, places) -> dx. avg_pool2d_grad: dy -> dx.
extern constinit const OpDef kMaxPool2d, kMaxPool2dGrad, kAvgPool2d, kAvgPool2dGrad;

}  // namespace hearth
