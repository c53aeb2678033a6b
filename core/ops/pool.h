/// Pooling: each result element is the greatest, or the mean, of a window of the input.
///
/// f16, bf16, f32 and f64; f16 and bf16 are summed in f32. Results of the 2-D functions have channels-last strides (see
/// conv.h). The bits of a result do not depend on the number of threads. Throws Error if the kernel is larger than the
/// padded input, the padding more than half the kernel, or the input has no pixels.
#pragma once

#include <optional>
#include <utility>

#include "core/op/op_def.h"
#include "core/ops/extent.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// How max_pool2d() moves the window.
struct MaxPool2dOptions {
  /// The distance of windows; the kernel's size if none is given.
  std::optional<Extent2> stride = std::nullopt;
  /// Padding on both sides, at most half the kernel. It is never the greatest.
  Extent2 padding = 0;
  /// The distance in the input of neighbours in the window.
  Extent2 dilation = 1;
  /// Rounds the result's size up.
  bool ceil_mode = false;
};
/// How avg_pool2d() moves the window.
struct AvgPool2dOptions {
  /// The distance of windows; the kernel's size if none is given.
  std::optional<Extent2> stride = std::nullopt;
  /// Zeros on both sides, at most half the kernel.
  Extent2 padding = 0;
  /// Rounds the result's size up.
  bool ceil_mode = false;
  /// The zeros of the padding count as elements. What ceil_mode reaches beyond the padding never counts.
  bool count_include_pad = true;
  /// What sums are divided by, in place of the number of elements; not 0.
  std::optional<int64_t> divisor_override = std::nullopt;
};

/// x [n, c, h, w] or [c, h, w]. Gives [n, c, oh, ow] (or [c, oh, ow]) with
/// oh = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down, or up in ceil_mode (then a window that
/// would start in the far padding is left out). NaN is greater than every number; of equals the
/// first counts, of several NaN the last. The element that counts gets the gradient.
Tensor max_pool2d(const Tensor& x, Extent2 kernel, const MaxPool2dOptions& options = {});
/// The result of max_pool2d(), and the i64 places of the greatest, as row * w + column of the input; -1 where a window
/// lies in the padding alone. PyTorch: return_indices=True.
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& x, Extent2 kernel,
                                                  const MaxPool2dOptions& options = {});
/// The means of windows; shapes as max_pool2d() with dilation 1.
Tensor avg_pool2d(const Tensor& x, Extent2 kernel, const AvgPool2dOptions& options = {});
/// The greatest of windows that make the result `output` in size: window i of o covers elements floor(i n / o) to
/// ceil((i + 1) n / o) - 1. A size of -1 stays that of x, so that {-1, 1} pools rows; PyTorch: None. x [n, c, h, w] or
/// [c, h, w].
Tensor adaptive_max_pool2d(const Tensor& x, Extent2 output);
/// The result of adaptive_max_pool2d(), and the i64 places of the greatest, as max_pool2d_with_indices().
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(const Tensor& x, Extent2 output);
/// The means of the windows of adaptive_max_pool2d().
Tensor adaptive_avg_pool2d(const Tensor& x, Extent2 output);

/// How max_pool1d() moves the window. See MaxPool2dOptions.
struct MaxPool1dOptions {
  std::optional<int64_t> stride = std::nullopt;  ///< The distance of windows; the kernel's size if none is given.
  int64_t padding = 0;                           ///< Padding on both sides, at most half the kernel.
  int64_t dilation = 1;                          ///< The distance in the input of neighbours in the window.
  bool ceil_mode = false;                        ///< Rounds the result's size up.
};
/// How avg_pool1d() moves the window. See AvgPool2dOptions.
struct AvgPool1dOptions {
  std::optional<int64_t> stride = std::nullopt;  ///< The distance of windows; the kernel's size if none is given.
  int64_t padding = 0;                           ///< Zeros on both sides, at most half the kernel.
  bool ceil_mode = false;                        ///< Rounds the result's size up.
  bool count_include_pad = true;                 ///< The zeros of the padding count as elements.
};
/// max_pool2d() along one dimension: x [n, c, l] or [c, l].
Tensor max_pool1d(const Tensor& x, int64_t kernel, const MaxPool1dOptions& options = {});
/// The result of max_pool1d(), and the i64 places of the greatest, as max_pool2d_with_indices().
std::pair<Tensor, Tensor> max_pool1d_with_indices(const Tensor& x, int64_t kernel,
                                                  const MaxPool1dOptions& options = {});
/// avg_pool2d() along one dimension: x [n, c, l] or [c, l].
Tensor avg_pool1d(const Tensor& x, int64_t kernel, const AvgPool1dOptions& options = {});
/// adaptive_max_pool2d() along one dimension: x [n, c, l] or [c, l].
Tensor adaptive_max_pool1d(const Tensor& x, int64_t output);
/// The result of adaptive_max_pool1d(), and the i64 places of the greatest, as max_pool2d_with_indices().
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(const Tensor& x, int64_t output);
/// adaptive_avg_pool2d() along one dimension: x [n, c, l] or [c, l].
Tensor adaptive_avg_pool1d(const Tensor& x, int64_t output);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> y, places (i32).
extern constinit const OpDef kMaxPool2d;
/// (dy, places) -> dx.
extern constinit const OpDef kMaxPool2dGrad;
/// x -> y.
extern constinit const OpDef kAvgPool2d;
/// dy -> dx.
extern constinit const OpDef kAvgPool2dGrad;

}  // namespace hearth
