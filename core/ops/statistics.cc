#include "core/ops/statistics.h"

#include <cmath>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"
#include "core/ops/sort.h"
#include "core/ops/view.h"

namespace hearth {
namespace {

// What stands at place q (n - 1) of the last dimension.
Tensor at_quantile(const Tensor& sorted, double q, Interpolation interpolation) {
  const double place = q * static_cast<double>(sorted.size(-1) - 1);
  const auto lower = static_cast<int64_t>(std::floor(place)), higher = static_cast<int64_t>(std::ceil(place));
  switch (interpolation) {
    case Interpolation::kLower:
      return select(sorted, -1, lower);
    case Interpolation::kHigher:
      return select(sorted, -1, higher);
    case Interpolation::kNearest:
      return select(sorted, -1, static_cast<int64_t>(std::nearbyint(place)));
    default:
      break;
  }
  if (lower == higher) return select(sorted, -1, lower);
  const double weight = interpolation == Interpolation::kMidpoint ? 0.5 : place - std::floor(place);
  return lerp(select(sorted, -1, lower), select(sorted, -1, higher), weight);
}

std::vector<Tensor> quantiles(const Tensor& x, std::span<const double> q, std::optional<int64_t> d, bool keepdim,
                              Interpolation interpolation) {
  expect_dtypes("quantile", x, DTypeSet{f32, f64});
  const int w = d ? wrap_dim(*d, x.dim(), "quantile") : 0;
  // The elements that are put in order, as the last dimension.
  const Tensor lines = !d || x.dim() == 0 ? reshape(x, {-1}) : movedim(x, w, -1);
  HEARTH_CHECK(lines.size(-1) > 0, "quantile: there are no elements in a tensor of shape ", x.shape());
  const Tensor sorted = sort(lines, -1).values;
  // NaN comes last.
  const Tensor last = select(sorted, -1, sorted.size(-1) - 1).detach();
  std::vector<Tensor> out;
  for (const double each : q) {
    HEARTH_CHECK(each >= 0 && each <= 1, "quantile: q must be from 0 to 1, but is ", each);
    Tensor y = where(isnan(last), last, at_quantile(sorted, each, interpolation));
    if (keepdim && d && x.dim() > 0) y = unsqueeze(y, w);
    if (keepdim && !d) y = view(y, Dims::filled(x.dim(), 1));
    out.push_back(y);
  }
  return out;
}

}  // namespace

Tensor nansum(const Tensor& x, const Dims& dims, bool keepdim) {
  const CalledAs called("nansum");
  expect_dtypes("nansum", x, kAllTypes);
  return sum(x.is_floating_point() ? where(isnan(x), Scalar(0.0), x) : x, dims, keepdim);
}
Tensor nanmean(const Tensor& x, const Dims& dims, bool keepdim) {
  const CalledAs called("nanmean");
  expect_dtypes("nanmean", x, kFloatTypes);
  const Tensor wide = machinery::widened(x);
  const Tensor count = sum(logical_not(isnan(wide.detach())), dims, keepdim);
  return rounded(nansum(wide, dims, keepdim) / count, x.dtype());
}

std::pair<Tensor, Tensor> aminmax(const Tensor& x) {
  const CalledAs called("aminmax");
  return {amin(x), amax(x)};
}
std::pair<Tensor, Tensor> aminmax(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("aminmax");
  return {amin(x, d, keepdim), amax(x, d, keepdim)};
}

std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const CalledAs called("std_mean");
  return {std(x, dims, correction, keepdim), mean(x, dims, keepdim)};
}
std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Dims& dims, int64_t correction, bool keepdim) {
  const CalledAs called("var_mean");
  return {var(x, dims, correction, keepdim), mean(x, dims, keepdim)};
}

std::pair<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t d, bool keepdim) {
  const CalledAs called("kthvalue");
  expect_dtypes("kthvalue", x, kAllTypes);
  const int w = wrap_dim(d, x.dim(), "kthvalue");
  const int64_t n = x.dim() ? x.shape()[w] : 1;
  HEARTH_CHECK(k >= 1 && k <= n, "kthvalue: k must be from 1 to the dimension's size, ", n, ", but is ", k);
  if (x.dim() == 0) {
    const Sorted one = sort(x);
    return {one.values, one.indices};
  }
  const Sorted least = topk(x, k, w, false);
  if (keepdim) return {narrow(least.values, w, k - 1, 1), narrow(least.indices, w, k - 1, 1)};
  return {select(least.values, w, k - 1), select(least.indices, w, k - 1)};
}

Tensor quantile(const Tensor& x, double q, std::optional<int64_t> d, bool keepdim, Interpolation interpolation) {
  const CalledAs called("quantile");
  return quantiles(x, std::span(&q, 1), d, keepdim, interpolation)[0];
}
Tensor quantile(const Tensor& x, std::span<const double> q, std::optional<int64_t> d, bool keepdim,
                Interpolation interpolation) {
  const CalledAs called("quantile");
  HEARTH_CHECK(!q.empty(), "quantile: there is no q");
  return stack(quantiles(x, q, d, keepdim, interpolation), 0);
}
Tensor quantile(const Tensor& x, std::initializer_list<double> q, std::optional<int64_t> d, bool keepdim,
                Interpolation interpolation) {
  return quantile(x, std::span(q.begin(), q.size()), d, keepdim, interpolation);
}

}  // namespace hearth
