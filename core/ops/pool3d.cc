#include "core/ops/pool3d.h"

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/index.h"
#include "core/ops/pool.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

void check(const char* op, const Tensor& x) {
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(x.dim() == 4 || x.dim() == 5, op,
               ": expected an input [n, c, d, h, w] or [c, d, h, w], but its shape is ", x.shape());
}

// f([n, c d, h, w]) pools the planes, g([n, c, d, oh ow]) then the depth of what it gives.
template <class F, class G>
Tensor pooled(const char* op, const Tensor& x, F f, G g) {
  check(op, x);
  if (x.dim() == 4) return squeeze(pooled(op, unsqueeze(x, 0), f, g), 0);
  const Tensor planes = f(flatten(x, 1, 2));
  const Tensor y = g(flatten(unflatten(planes, 1, {x.size(1), x.size(2)}), 3, 4));
  return unflatten(y, 3, {planes.size(2), planes.size(3)});
}

// The same of f and g that give places too.
template <class F, class G>
std::pair<Tensor, Tensor> pooled_with_indices(const char* op, const Tensor& x, F f, G g) {
  check(op, x);
  if (x.dim() == 4) {
    const auto [y, places] = pooled_with_indices(op, unsqueeze(x, 0), f, g);
    return {squeeze(y, 0), squeeze(places, 0)};
  }
  const auto [planes, in_plane] = f(flatten(x, 1, 2));
  const Shape plane_shape = planes.shape();
  const auto lines = [&](const Tensor& t) { return flatten(unflatten(t, 1, {x.size(1), x.size(2)}), 3, 4); };
  const auto [y, places] = g(lines(planes));
  // A place is one among [d, oh ow]; the plane that it names knows its own place.
  const Tensor plane = floor_divide(places, plane_shape[2] * plane_shape[3]);
  const Tensor whole = plane * (x.size(3) * x.size(4)) + gather(lines(in_plane), 2, plane);
  const auto volume = [&](const Tensor& t) { return unflatten(t, 3, {plane_shape[2], plane_shape[3]}); };
  return {volume(y), volume(whole)};
}

struct MaxOptions {
  Extent2 plane_kernel, depth_kernel;
  MaxPool2dOptions plane, depth;
};
MaxOptions parts(Extent3 kernel, const MaxPool3dOptions& o) {
  const Extent3 stride = o.stride.value_or(kernel);
  return {kernel.plane(),
          {kernel.d, 1},
          {stride.plane(), o.padding.plane(), o.dilation.plane(), o.ceil_mode},
          {Extent2(stride.d, 1), {o.padding.d, 0}, {o.dilation.d, 1}, o.ceil_mode}};
}

}  // namespace

Tensor max_pool3d(const Tensor& x, Extent3 kernel, const MaxPool3dOptions& options) {
  const CalledAs called("max_pool3d");
  const MaxOptions o = parts(kernel, options);
  return pooled(
      "max_pool3d", x, [&](const Tensor& t) { return max_pool2d(t, o.plane_kernel, o.plane); },
      [&](const Tensor& t) { return max_pool2d(t, o.depth_kernel, o.depth); });
}

std::pair<Tensor, Tensor> max_pool3d_with_indices(const Tensor& x, Extent3 kernel, const MaxPool3dOptions& options) {
  const CalledAs called("max_pool3d_with_indices");
  const MaxOptions o = parts(kernel, options);
  return pooled_with_indices(
      "max_pool3d_with_indices", x,
      [&](const Tensor& t) { return max_pool2d_with_indices(t, o.plane_kernel, o.plane); },
      [&](const Tensor& t) { return max_pool2d_with_indices(t, o.depth_kernel, o.depth); });
}

std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(const Tensor& x, Extent3 output) {
  const CalledAs called("adaptive_max_pool3d_with_indices");
  return pooled_with_indices(
      "adaptive_max_pool3d_with_indices", x,
      [&](const Tensor& t) { return adaptive_max_pool2d_with_indices(t, output.plane()); },
      [&](const Tensor& t) {
        return adaptive_max_pool2d_with_indices(t, {output.d, t.size(3)});
      });
}

Tensor avg_pool3d(const Tensor& x, Extent3 kernel, const AvgPool3dOptions& o) {
  const CalledAs called("avg_pool3d");
  const Extent3 stride = o.stride.value_or(kernel);
  const auto sums = o.divisor_override ? std::optional<int64_t>(1) : std::nullopt;
  const AvgPool2dOptions plane{stride.plane(), o.padding.plane(), o.ceil_mode, o.count_include_pad, sums},
      depth{Extent2(stride.d, 1), {o.padding.d, 0}, o.ceil_mode, o.count_include_pad, o.divisor_override};
  check("avg_pool3d", x);
  const Tensor y = pooled(
      "avg_pool3d", machinery::widened(x), [&](const Tensor& t) { return avg_pool2d(t, kernel.plane(), plane); },
      [&](const Tensor& t) {
        return avg_pool2d(t, {kernel.d, 1}, depth);
      });
  return machinery::cast(y, x.dtype());
}

Tensor adaptive_max_pool3d(const Tensor& x, Extent3 output) {
  const CalledAs called("adaptive_max_pool3d");
  return pooled(
      "adaptive_max_pool3d", x, [&](const Tensor& t) { return adaptive_max_pool2d(t, output.plane()); },
      [&](const Tensor& t) {
        return adaptive_max_pool2d(t, {output.d, t.size(3)});
      });
}

Tensor adaptive_avg_pool3d(const Tensor& x, Extent3 output) {
  const CalledAs called("adaptive_avg_pool3d");
  check("adaptive_avg_pool3d", x);
  const Tensor y = pooled(
      "adaptive_avg_pool3d", machinery::widened(x),
      [&](const Tensor& t) { return adaptive_avg_pool2d(t, output.plane()); },
      [&](const Tensor& t) {
        return adaptive_avg_pool2d(t, {output.d, t.size(3)});
      });
  return machinery::cast(y, x.dtype());
}

}  // namespace hearth
