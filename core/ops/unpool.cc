#include "core/ops/unpool.h"

#include <cmath>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/math.h"
#include "core/ops/pool.h"
#include "core/ops/pool3d.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Of x whose last `output.rank()` dimensions are places.
Tensor unpooled(const char* op, const Tensor& x, const Tensor& indices, const Dims& output) {
  expect_defined(op, {x, indices});
  expect_dtypes(op, x, kFloatTypes);
  const int sides = output.rank();
  HEARTH_CHECK(x.dim() == sides + 1 || x.dim() == sides + 2, op, ": expected an input of ", sides + 1, " or ",
               sides + 2, " dimensions, but its shape is ", x.shape());
  HEARTH_CHECK(indices.shape() == x.shape(), op, ": indices of shape ", indices.shape(), " for an input of shape ",
               x.shape());
  HEARTH_CHECK(indices.dtype() == DType::kI64, op, ": indices must be i64, but are ", indices.dtype());
  const int first = x.dim() - sides;
  Shape shape, flat;
  for (int d = 0; d < first; ++d) {
    shape.push_back(x.size(d));
    flat.push_back(x.size(d));
  }
  int64_t places = 1;
  for (const int64_t size : output) {
    HEARTH_CHECK(size >= 1, op, ": sizes of the result must be at least 1, but are ", output);
    HEARTH_CHECK(!__builtin_mul_overflow(places, size, &places), op, ": a result of size ", output, " is too large");
    shape.push_back(size);
  }
  flat.push_back(places);
  checked_numel(flat, x.itemsize(), op);
  const Tensor zero = machinery::full(flat, 0.0, x.dtype(), x.device());
  return view(scatter(zero, -1, flatten(indices, first), flatten(x, first)), shape);
}

// The p-norms of windows: `means` are the windows' means of what it is given, `greatest` their greatest.
template <class Means, class Greatest>
Tensor norms(const char* op, const Tensor& x, double p, int64_t elements, Means means, Greatest greatest) {
  expect_dtypes(op, x, kFloatTypes);
  HEARTH_CHECK(!std::isnan(p) && p != 0, op, ": p must be a number other than 0, but is ", p);
  if (std::isinf(p)) return p > 0 ? greatest(abs(x)) : neg(greatest(neg(abs(x))));
  const Tensor sums = means(pow(machinery::widened(x), p)) * elements;
  // The root has no finite derivative at 0.
  const Tensor none = eq(sums, 0);
  const Tensor roots = pow(where(none, 1.0, sums), 1 / p);
  return machinery::cast(where(none, p > 0 ? 0.0 : INFINITY, roots), x.dtype());
}

}  // namespace

Tensor max_unpool1d(const Tensor& x, const Tensor& indices, int64_t output) {
  const CalledAs called("max_unpool1d");
  return unpooled("max_unpool1d", x, indices, {output});
}
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Extent2 output) {
  const CalledAs called("max_unpool2d");
  return unpooled("max_unpool2d", x, indices, {output.h, output.w});
}
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Extent3 output) {
  const CalledAs called("max_unpool3d");
  return unpooled("max_unpool3d", x, indices, {output.d, output.h, output.w});
}

Tensor lp_pool1d(const Tensor& x, double p, int64_t kernel, std::optional<int64_t> stride, const LpPoolOptions& o) {
  const CalledAs called("lp_pool1d");
  return norms(
      "lp_pool1d", x, p, kernel,
      [&](const Tensor& t) { return avg_pool1d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); },
      [&](const Tensor& t) { return max_pool1d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); });
}
Tensor lp_pool2d(const Tensor& x, double p, Extent2 kernel, std::optional<Extent2> stride, const LpPoolOptions& o) {
  const CalledAs called("lp_pool2d");
  return norms(
      "lp_pool2d", x, p, kernel.h * kernel.w,
      [&](const Tensor& t) { return avg_pool2d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); },
      [&](const Tensor& t) { return max_pool2d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); });
}
Tensor lp_pool3d(const Tensor& x, double p, Extent3 kernel, std::optional<Extent3> stride, const LpPoolOptions& o) {
  const CalledAs called("lp_pool3d");
  return norms(
      "lp_pool3d", x, p, kernel.d * kernel.h * kernel.w,
      [&](const Tensor& t) { return avg_pool3d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); },
      [&](const Tensor& t) { return max_pool3d(t, kernel, {.stride = stride, .ceil_mode = o.ceil_mode}); });
}

}  // namespace hearth
