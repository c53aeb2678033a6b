#include "core/ops/conv3d.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/conv.h"
#include "core/ops/pad.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check(const Tensor& x, const Tensor& weight, const Conv3dOptions& o) {
  expect_dtypes("conv3d", x, kFloatTypes);
  HEARTH_CHECK((x.dim() == 5 || x.dim() == 4) && weight.dim() == 5,
               "conv3d: expected an input of 4 or 5 dimensions and a weight of 5, but the shapes are ", x.shape(),
               " and ", weight.shape());
  HEARTH_CHECK(o.stride.d >= 1 && o.dilation.d >= 1 && o.padding.d >= 0, "conv3d: stride ", o.stride.d,
               " and dilation ", o.dilation.d, " must be at least 1, padding ", o.padding.d, " at least 0");
  HEARTH_CHECK(o.groups >= 1, "conv3d: groups must be at least 1, but is ", o.groups);
  const int64_t channels = x.size(-4), depth = x.size(-3), kernel = weight.size(2);
  HEARTH_CHECK(channels >= 1 && channels % o.groups == 0, "conv3d: ", channels, " input channels cannot be cut into ",
               o.groups, " groups");
  HEARTH_CHECK(weight.size(1) == channels / o.groups, "conv3d: a weight of shape ", weight.shape(), " takes ",
               weight.size(1), " channels of each of ", o.groups, " groups, but the input of shape ", x.shape(),
               " has ", channels);
  HEARTH_CHECK(kernel >= 1 && depth >= 1, "conv3d: a depth of 0: shapes ", x.shape(), " and ", weight.shape());
  int64_t span, padded;
  HEARTH_CHECK(!__builtin_mul_overflow(o.dilation.d, kernel - 1, &span) &&
                   !__builtin_mul_overflow(o.padding.d, int64_t{2}, &padded) &&
                   !__builtin_add_overflow(padded, depth, &padded) && span < padded,
               "conv3d: a kernel of shape ", weight.shape(), " with dilation ", o.dilation.d,
               " along the depth is larger than the input of shape ", x.shape(), " with padding ", o.padding.d);
}

// The planes that each plane of the result sees, beside each other as channels: [n od, g kd c / g, h, w],
// channels-last.
Tensor planes_beside(const Tensor& x, int64_t kernel, const Conv3dOptions& o) {
  const Tensor last = pad(permute(x, {0, 2, 3, 4, 1}), {0, 0, 0, 0, 0, 0, o.padding.d, o.padding.d});
  const Tensor windows =
      slice(unfold(last, 1, o.dilation.d * (kernel - 1) + 1, o.stride.d), -1, 0, std::nullopt, o.dilation.d);
  const int64_t n = x.size(0), c = x.size(1), h = x.size(3), w = x.size(4), out = windows.size(1);
  const Tensor grouped = permute(unflatten(windows, 4, {o.groups, c / o.groups}), {0, 1, 2, 3, 4, 6, 5});
  return permute(reshape(grouped, {n * out, h, w, kernel * c}), {0, 3, 1, 2});
}

}  // namespace

Tensor conv3d(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const Conv3dOptions& o) {
  const CalledAs called("conv3d");
  expect_defined("conv3d", {x, weight});
  check(x, weight, o);
  if (x.dim() == 4) return squeeze(conv3d(unsqueeze(x, 0), weight, bias, o), 0);
  const int64_t kernel = weight.size(2);
  const Tensor w = reshape(permute(weight, {0, 2, 1, 3, 4}),
                           {weight.size(0), kernel * weight.size(1), weight.size(3), weight.size(4)});
  const Tensor planes = planes_beside(x, kernel, o);
  const Tensor y = conv2d(
      planes, w, bias,
      {.stride = o.stride.plane(), .padding = o.padding.plane(), .dilation = o.dilation.plane(), .groups = o.groups});
  const int64_t depth = (x.size(2) + 2 * o.padding.d - o.dilation.d * (kernel - 1) - 1) / o.stride.d + 1;
  return permute(unflatten(y, 0, {x.size(0), depth}), {0, 2, 1, 3, 4});
}

}  // namespace hearth
