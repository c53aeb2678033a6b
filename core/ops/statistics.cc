#include "core/ops/statistics.h"

#include <cmath>
#include <vector>

#include "core/base/called_as.h"
#include "core/base/error.h"
#include "core/op/machinery.h"
#include "core/op/shape_rules.h"
#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/create.h"
#include "core/ops/cumulative.h"
#include "core/ops/index.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
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
namespace {

// (value, index) at a place, [..., 1], of each line of what is sorted along dimension w.
std::pair<Tensor, Tensor> at_place(const Sorted& sorted, const Tensor& place, int w, bool keepdim) {
  const Tensor values = gather(sorted.values, w, place), indices = gather(sorted.indices, w, place);
  if (keepdim) return {values, indices};
  return {squeeze(values, w), squeeze(indices, w)};
}
// How many elements of each line along w are numbers, [..., 1, ...].
Tensor count_numbers(const Tensor& x, int w) { return sum(logical_not(isnan(x.detach())), w, true); }

}  // namespace

std::pair<Tensor, Tensor> nanmedian(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("nanmedian");
  expect_dtypes("nanmedian", x, kAllTypes);
  const int w = wrap_dim(d, x.dim(), "nanmedian");
  if (x.dim() == 0) return {x.clone(), zeros({}, {.dtype = i64, .device = x.device()})};
  HEARTH_CHECK(x.shape()[w] > 0, "nanmedian: dimension ", d, " of the shape ", x.shape(), " has no elements");
  const Tensor place = clamp(floor_divide(count_numbers(x, w) - 1, 2), 0);
  return at_place(sort(x, w), place, w, keepdim);
}
Tensor nanmedian(const Tensor& x) {
  const CalledAs called("nanmedian");
  expect_dtypes("nanmedian", x, kAllTypes);
  if (x.numel() == 0) return x.new_full({}, std::nan(""));
  return nanmedian(reshape(x, {-1}), 0).first;
}

Tensor nanquantile(const Tensor& x, double q, std::optional<int64_t> d, bool keepdim) {
  const CalledAs called("nanquantile");
  expect_dtypes("nanquantile", x, DTypeSet{f32, f64});
  HEARTH_CHECK(q >= 0 && q <= 1, "nanquantile: q must be from 0 to 1, but is ", q);
  const int w = d ? wrap_dim(*d, x.dim(), "nanquantile") : 0;
  const Tensor lines = !d || x.dim() == 0 ? reshape(x, {-1}) : movedim(x, w, -1);
  HEARTH_CHECK(lines.size(-1) > 0, "nanquantile: there are no elements in a tensor of shape ", x.shape());
  const Tensor sorted = sort(lines, -1).values;
  const Tensor place = clamp((count_numbers(lines, lines.dim() - 1) - 1).to(f64) * q, 0);
  const Tensor below = floor(place), above = ceil(place);
  const Tensor low = gather(sorted, -1, below.to(i64)), high = gather(sorted, -1, above.to(i64));
  // Where the two are one element it may be infinite.
  Tensor y = where(eq(below, above), low, lerp(low, high, (place - below).to(x.dtype())));
  y = squeeze(y, -1);
  if (keepdim && d && x.dim() > 0) return unsqueeze(y, w);
  return keepdim && !d ? view(y, Dims::filled(x.dim(), 1)) : y;
}

std::pair<Tensor, Tensor> mode(const Tensor& x, int64_t d, bool keepdim) {
  const CalledAs called("mode");
  expect_dtypes("mode", x, kAllTypes);
  const int w = wrap_dim(d, x.dim(), "mode");
  if (x.dim() == 0) return {x.clone(), zeros({}, {.dtype = i64, .device = x.device()})};
  const int64_t n = x.shape()[w];
  HEARTH_CHECK(n > 0, "mode: dimension ", d, " of the shape ", x.shape(), " has no elements");
  const Sorted sorted = sort(x, w);
  // A run ends where the next element is another. Its length is the distance from where the one before it ended.
  const Tensor v = sorted.values.detach(), here = narrow(v, w, 0, n - 1), next = narrow(v, w, 1, n - 1);
  const Tensor differ = logical_and(ne(here, next), logical_not(logical_and(isnan(here), isnan(next))));
  Shape one = x.shape();
  one[w] = 1;
  const Tensor ends = cat({differ, ones(one, {.dtype = boolean, .device = x.device()})}, w);
  Shape along = Dims::filled(x.dim(), 1);
  along[w] = n;
  const Tensor places = view(arange(n, {.device = x.device()}), along);
  const Tensor before = cummax(where(ends, places, -1), w).values;
  const Tensor last = cat({full(one, -1, {.dtype = i64, .device = x.device()}), narrow(before, w, 0, n - 1)}, w);
  // The first of the longest.
  const Tensor length = where(ends, places - last, 0);
  return at_place(sorted, argmax(length, w, true), w, keepdim);
}

Tensor quantile(const Tensor& x, std::initializer_list<double> q, std::optional<int64_t> d, bool keepdim,
                Interpolation interpolation) {
  return quantile(x, std::span(q.begin(), q.size()), d, keepdim, interpolation);
}

Tensor Tensor::nansum(const Dims& dims, bool keepdim) const { return hearth::nansum(*this, dims, keepdim); }
std::pair<Tensor, Tensor> Tensor::kthvalue(int64_t k, int64_t d, bool keepdim) const {
  return hearth::kthvalue(*this, k, d, keepdim);
}

}  // namespace hearth
