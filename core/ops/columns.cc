#include "core/ops/columns.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Sizes beyond this would overflow when they are combined.
constexpr int64_t kMost = int64_t{1} << 30;

// Along one of the two dimensions.
struct Side {
  int64_t size, kernel, dilation, padding, stride;
  int64_t padded() const { return size + 2 * padding; }
  int64_t reach() const { return dilation * (kernel - 1) + 1; }
  int64_t places() const { return padded() < reach() ? 0 : (padded() - reach()) / stride + 1; }
};

Side side_of(const char* op, const char* name, int64_t size, int64_t kernel, int64_t dilation, int64_t padding,
             int64_t stride) {
  HEARTH_CHECK(size >= 1 && size <= kMost, op, ": images must have at least one pixel and no more than 2^30 along the ",
               name, ", but the size is ", size);
  HEARTH_CHECK(kernel >= 1 && dilation >= 1 && stride >= 1 && kernel <= kMost && dilation <= kMost && stride <= kMost,
               op, ": kernel, dilation and stride must be from 1 to 2^30, but along the ", name, " they are ", kernel,
               ", ", dilation, " and ", stride);
  HEARTH_CHECK(padding >= 0 && padding <= kMost, op, ": padding must be from 0 to 2^30, but along the ", name,
               " it is ", padding);
  const Side s{size, kernel, dilation, padding, stride};
  HEARTH_CHECK(s.places() >= 1, op, ": a patch that reaches over ", s.reach(), " pixels does not fit into the ", name,
               " ", s.padded(), " of the padded image");
  return s;
}

Side rows_of(const char* op, int64_t h, Extent2 kernel, const PatchOptions& o) {
  return side_of(op, "height", h, kernel.h, o.dilation.h, o.padding.h, o.stride.h);
}
Side columns_of(const char* op, int64_t w, Extent2 kernel, const PatchOptions& o) {
  return side_of(op, "width", w, kernel.w, o.dilation.w, o.padding.w, o.stride.w);
}

Tensor zeros_of(const Tensor& x, int64_t n, int64_t c, const Side& h, const Side& w) {
  const Shape shape{n, c, h.padded(), w.padded()};
  checked_numel(shape, x.itemsize(), "fold");
  return machinery::full(shape, 0, x.dtype(), x.device());
}

Tensor padded(const Tensor& x, const Side& h, const Side& w) {
  if (h.padding == 0 && w.padding == 0) return x;
  const Tensor zero = zeros_of(x, x.size(0), x.size(1), h, w);
  return machinery::view_write(zero, x,
                               {x.shape(), zero.strides(), h.padding * zero.stride(2) + w.padding * zero.stride(3)});
}

}  // namespace

Tensor unfold(const Tensor& x, Extent2 kernel, const PatchOptions& options) {
  const CalledAs called("unfold");
  expect_dtypes("unfold", x, kFloatTypes);
  HEARTH_CHECK(x.dim() == 3 || x.dim() == 4, "unfold: expected images [n, c, h, w] or [c, h, w], but the shape is ",
               x.shape());
  if (x.dim() == 3) return squeeze(unfold(unsqueeze(x, 0), kernel, options), 0);
  HEARTH_CHECK(x.size(1) >= 1, "unfold: images must have a channel, but the shape is ", x.shape());
  const Side h = rows_of("unfold", x.size(2), kernel, options), w = columns_of("unfold", x.size(3), kernel, options);
  const Tensor rows = slice(unfold(padded(x, h, w), 2, h.reach(), h.stride), -1, 0, std::nullopt, h.dilation);
  const Tensor patches = slice(unfold(rows, 3, w.reach(), w.stride), -1, 0, std::nullopt, w.dilation);
  // [n, c, oh, ow, kh, kw]
  return reshape(permute(patches, {0, 1, 4, 5, 2, 3}),
                 {x.size(0), x.size(1) * h.kernel * w.kernel, h.places() * w.places()});
}

Tensor fold(const Tensor& x, Extent2 output, Extent2 kernel, const PatchOptions& options) {
  const CalledAs called("fold");
  expect_dtypes("fold", x, kFloatTypes);
  HEARTH_CHECK(x.dim() == 2 || x.dim() == 3,
               "fold: expected patches [n, c kh kw, l] or [c kh kw, l], but the shape is ", x.shape());
  if (x.dim() == 2) return squeeze(fold(unsqueeze(x, 0), output, kernel, options), 0);
  const Side h = rows_of("fold", output.h, kernel, options), w = columns_of("fold", output.w, kernel, options);
  const int64_t pixels = h.kernel * w.kernel;
  HEARTH_CHECK(x.size(1) >= 1 && x.size(1) % pixels == 0, "fold: dimension 1 must be a multiple of the ", pixels,
               " pixels of a patch, but the shape is ", x.shape());
  HEARTH_CHECK(x.size(2) == h.places() * w.places(), "fold: an image of ", output.h, " x ", output.w, " has ",
               h.places() * w.places(), " places for patches, but the shape is ", x.shape());
  const int64_t c = x.size(1) / pixels;
  const Shape shape{x.size(0), c, h.kernel, w.kernel, h.places(), w.places()};
  const Tensor wide = machinery::widened(x), zero = zeros_of(wide, x.size(0), c, h, w);
  const int64_t row = zero.stride(2), column = zero.stride(3);
  const Strides strides{zero.stride(0),      zero.stride(1), h.dilation * row,
                        w.dilation * column, h.stride * row, w.stride * column};
  const Tensor sums = machinery::view_add(zero, reshape(wide, shape), {shape, strides, 0});
  return machinery::cast(narrow(narrow(sums, 2, h.padding, h.size), 3, w.padding, w.size), x.dtype());
}

}  // namespace hearth
