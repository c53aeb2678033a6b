#include "core/ops/histogram.h"

#include <algorithm>
#include <cmath>

#include "core/autograd/guards.h"
#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/index.h"
#include "core/ops/reduce.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// The length of the result: behind the greatest number, at least minlength.
int64_t expect_numbers(const Tensor& x, int64_t minlength) {
  expect_dtypes("bincount", x, kIntTypes);
  HEARTH_CHECK(x.dim() == 1, "bincount: expected a vector, but the shape is ", x.shape());
  HEARTH_CHECK(minlength >= 0, "bincount: minlength must not be negative, but is ", minlength);
  if (x.numel() == 0) return minlength;
  const auto least = min(x).item<int64_t>(), greatest = max(x).item<int64_t>();
  HEARTH_CHECK(least >= 0, "bincount: numbers must not be negative, but one is ", least);
  HEARTH_CHECK(greatest < INT64_MAX, "bincount: ", greatest, " is too large");
  return std::max(minlength, greatest + 1);
}

Tensor counted(const Tensor& index, const Tensor& weights, int64_t length) {
  return scatter_add(machinery::full({length}, 0, weights.dtype(), weights.device()), 0, index, weights);
}

}  // namespace

Tensor bincount(const Tensor& x, int64_t minlength) {
  const CalledAs called("bincount");
  const int64_t length = expect_numbers(x, minlength);
  return counted(x.to(i64), machinery::full(x.shape(), 1, i64, x.device()), length);
}
Tensor bincount(const Tensor& x, const Tensor& weights, int64_t minlength) {
  const CalledAs called("bincount");
  const int64_t length = expect_numbers(x, minlength);
  expect_dtypes("bincount", weights, kAllTypes);
  HEARTH_CHECK(weights.shape() == x.shape(), "bincount: the weights must have the shape ", x.shape(), ", but have ",
               weights.shape());
  return counted(x.to(i64), weights.dtype() == f32 ? weights : weights.to(f64), length);
}

Tensor histc(const Tensor& x, int64_t bins, double min, double max) {
  const CalledAs called("histc");
  expect_dtypes("histc", x, DTypeSet{f32, f64});
  HEARTH_CHECK(bins >= 1, "histc: bins must be at least 1, but is ", bins);
  HEARTH_CHECK(min <= max, "histc: min must not be greater than max, but they are ", min, " and ", max);
  const NoGrad off;
  const Tensor values = reshape(x, {-1});
  if (min == max && values.numel() > 0) {
    min = hearth::min(values).item<double>();
    max = hearth::max(values).item<double>();
  }
  if (min == max) {
    min -= 1;
    max += 1;
  }
  HEARTH_CHECK(std::isfinite(min) && std::isfinite(max), "histc: the range from ", min, " to ", max, " is not finite");
  // As the dtype holds them.
  const auto held = [&](double v) { return x.dtype() == f32 ? static_cast<double>(static_cast<float>(v)) : v; };
  const double low = held(min), high = held(max), width = held(high - low);
  const Tensor inside = logical_and(ge(values, low), le(values, high));
  const Tensor place = trunc((values - low) * static_cast<double>(bins) / width);
  // What lies outside is counted behind the last.
  const Tensor bin = where(inside, clamp(where(inside, place, 0.0).to(i64), int64_t{0}, bins - 1), bins);
  const Tensor ones = machinery::full(values.shape(), 1, i64, x.device());
  return narrow(counted(bin, ones, bins + 1), 0, 0, bins).to(x.dtype());
}

}  // namespace hearth
