#include "core/ops/sampling.h"

#include <algorithm>
#include <vector>

#include "core/autograd/autocast.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// Coordinates [n, points] along one dimension, in pixels.
using Coordinates = std::vector<Tensor>;

Tensor in_pixels(const Tensor& at, int64_t size, bool align_corners) {
  const auto n = static_cast<double>(size);
  return align_corners ? (at + 1) / 2 * (n - 1) : ((at + 1) * n - 1) / 2;
}

// Mirrored between the middles or edges of the outermost pixels until it lies between them.
Tensor reflected(const Tensor& at, int64_t size, bool align_corners) {
  if (align_corners && size == 1) return at * 0;
  const double low = align_corners ? 0 : -0.5, span = static_cast<double>(align_corners ? size - 1 : size);
  const Tensor distance = abs(at - low), extra = fmod(distance, span);
  const Tensor even = eq(remainder(floor(distance / span), 2), 0);
  return where(even, extra + low, span - extra + low);
}

Tensor inside(const Tensor& at, int64_t size, const GridSampleOptions& o) {
  const auto last = static_cast<double>(size - 1);
  switch (o.padding_mode) {
    case SamplePadding::kZeros:
      return at;
    case SamplePadding::kBorder:
      return clamp(nan_to_num(at, 0), 0.0, last);
    case SamplePadding::kReflection:
      return clamp(nan_to_num(reflected(at, size, o.align_corners), 0), 0.0, last);
  }
  __builtin_unreachable();
}

int64_t pixel_count(const Tensor& x) {
  int64_t n = 1;
  for (int d = 2; d < x.dim(); ++d) n *= x.shape()[d];
  return n;
}

// The pixels of x at whole coordinates, [n, c, points]; 0 outside of the image.
Tensor pixels(const Tensor& x, const Coordinates& at) {
  const int64_t n = x.size(0), c = x.size(1);
  Tensor index, known;
  for (size_t i = 0; i < at.size(); ++i) {
    const int64_t size = x.size(static_cast<int64_t>(i) + 2);
    const auto last = static_cast<double>(size - 1);
    const Tensor here = logical_and(ge(at[i], 0), le(at[i], last));
    const Tensor place = clamp(nan_to_num(at[i].detach(), 0), 0.0, last).to(i64);
    index = i ? index * size + place : place;
    known = i ? logical_and(known, here) : here;
  }
  const Tensor all = reshape(x, {n, c, pixel_count(x)});
  const Tensor values = gather(all, 2, expand(unsqueeze(index, 1), {n, c, index.size(1)}));
  return where(unsqueeze(known, 1), values, Scalar(0.0));
}

Tensor linear(const Tensor& x, const Coordinates& at) {
  Coordinates first, weight;
  for (const Tensor& a : at) {
    first.push_back(floor(a.detach()));
    weight.push_back(a - first.back());
  }
  Tensor sum;
  for (unsigned corner = 0; corner < 1u << at.size(); ++corner) {
    Coordinates place = first;
    Tensor product;
    for (size_t i = 0; i < at.size(); ++i) {
      const bool next = corner >> i & 1;
      if (next) place[i] = first[i] + 1;
      const Tensor w = next ? weight[i] : 1 - weight[i];
      product = i ? product * w : w;
    }
    const Tensor part = pixels(x, place) * unsqueeze(product, 1);
    sum = corner ? sum + part : part;
  }
  return sum;
}

// The weights of the pixels at -1, 0, 1 and 2 for a point at t, from 0 to 1.
std::vector<Tensor> cubic_weights(const Tensor& t) {
  constexpr double a = -0.75;
  const auto near = [](const Tensor& d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](const Tensor& d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

Tensor cubic(const Tensor& x, const Coordinates& at, const GridSampleOptions& o) {
  const Tensor top = floor(at[0].detach()), left = floor(at[1].detach());
  const std::vector<Tensor> rows = cubic_weights(at[0] - top), columns = cubic_weights(at[1] - left);
  Tensor sum;
  for (int i = 0; i < 4; ++i) {
    Tensor line;
    for (int k = 0; k < 4; ++k) {
      const Coordinates place{inside(top + (i - 1), x.size(2), o), inside(left + (k - 1), x.size(3), o)};
      const Tensor part = pixels(x, place) * unsqueeze(columns[static_cast<size_t>(k)], 1);
      line = k ? line + part : part;
    }
    line = line * unsqueeze(rows[static_cast<size_t>(i)], 1);
    sum = i ? sum + line : line;
  }
  return sum;
}

void expect_samples(const Tensor& x, const Tensor& grid, const GridSampleOptions& o) {
  expect_dtypes("grid_sample", x, kFloatTypes);
  expect_dtypes("grid_sample", grid, kFloatTypes);
  HEARTH_CHECK(x.dtype() == grid.dtype(), "grid_sample: the images are ", x.dtype(), ", but the grid is ",
               grid.dtype());
  HEARTH_CHECK(x.dim() == 4 || x.dim() == 5,
               "grid_sample: expected images [n, c, h, w] or volumes [n, c, d, h, w], but the shape is ", x.shape());
  HEARTH_CHECK(grid.dim() == x.dim() && grid.size(0) == x.size(0) && grid.size(-1) == x.dim() - 2,
               "grid_sample: for images of shape ", x.shape(), " the grid must be [", x.size(0), ", ",
               x.dim() == 4 ? "oh, ow, 2]" : "od, oh, ow, 3]", ", but has the shape ", grid.shape());
  for (int d = 2; d < x.dim(); ++d)
    HEARTH_CHECK(x.shape()[d] > 0, "grid_sample: there are no pixels in a tensor of shape ", x.shape());
  HEARTH_CHECK(o.mode != SampleMode::kBicubic || x.dim() == 4,
               "grid_sample: bicubic sampling is for images [n, c, h, w], but the shape is ", x.shape());
}

// From -1 to 1 across n pixels: their centres, the outermost at the ends if they are aligned.
Tensor centres(int64_t n, bool align_corners, const TensorOptions& options) {
  if (n <= 1) return zeros({n}, options);
  const Tensor ends = linspace(-1, 1, n, options);
  return align_corners ? ends : ends * (static_cast<double>(n - 1) / static_cast<double>(n));
}

}  // namespace

Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options) {
  const CalledAs called("grid_sample");
  if (Autocast::current() && x.defined() && grid.defined() && x.dtype() != grid.dtype()) {
    // A convolution's images are bf16 or f16 there, a grid that a linear algebra op made f32.
    const DType t = promote(x.dtype(), grid.dtype());
    return grid_sample(x.to(t), grid.to(t), options);
  }
  expect_samples(x, grid, options);
  const int k = x.dim() - 2;
  Shape shape = grid.shape();
  shape.erase(k + 1);
  const int64_t points = shape.numel() / std::max<int64_t>(shape[0], 1);
  const Tensor wide = machinery::widened(x), at = machinery::widened(grid);
  Coordinates coordinates;
  for (int i = 0; i < k; ++i) {
    const int64_t size = x.size(i + 2);
    const Tensor line = reshape(select(at, -1, k - 1 - i), {x.size(0), shape[0] ? points : 0});
    const Tensor place = in_pixels(line, size, options.align_corners);
    coordinates.push_back(options.mode == SampleMode::kBicubic ? place : inside(place, size, options));
  }
  Tensor y;
  if (options.mode == SampleMode::kNearest) {
    for (Tensor& c : coordinates) c = round(c.detach());
    y = pixels(wide, coordinates);
  } else {
    y = options.mode == SampleMode::kBicubic ? cubic(wide, coordinates, options) : linear(wide, coordinates);
  }
  shape.insert(1, x.size(1));
  return machinery::cast(reshape(y, shape), x.dtype());
}

Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners) {
  const CalledAs called("affine_grid");
  expect_dtypes("affine_grid", theta, kFloatTypes);
  HEARTH_CHECK(size.rank() == 4 || size.rank() == 5,
               "affine_grid: expected a size [n, c, h, w] or [n, c, d, h, w], but got ", size);
  for (const int64_t s : size) HEARTH_CHECK(s > 0, "affine_grid: sizes must be at least 1, but the size is ", size);
  const int k = size.rank() - 2;
  HEARTH_CHECK(theta.shape() == Shape({size[0], k, k + 1}), "affine_grid: for the size ", size, " theta must be [",
               size[0], ", ", k, ", ", k + 1, "], but has the shape ", theta.shape());
  const Tensor wide = machinery::widened(theta);
  const TensorOptions options{.dtype = wide.dtype(), .device = wide.device()};
  Shape grid{size[0]}, points;
  for (int i = 0; i < k; ++i) points.push_back(size[i + 2]);
  for (const int64_t s : points) grid.push_back(s);
  grid.push_back(k);
  std::vector<Tensor> columns;
  for (int i = k; i-- > 0;) {
    Shape line = Dims::filled(k, 1);
    line[i] = size[i + 2];
    columns.push_back(reshape(expand(reshape(centres(size[i + 2], align_corners, options), line), points), {-1}));
  }
  columns.push_back(ones({points.numel()}, options));
  return machinery::cast(reshape(matmul(stack(columns, 1), transpose(wide, 1, 2)), grid), theta.dtype());
}

}  // namespace hearth
