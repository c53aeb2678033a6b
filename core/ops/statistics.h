/// Statistics of elements: sums without NaN, extremes, order statistics.
///
/// `dims` as in reduce.h: the dimensions that are reduced, all without it. Dimensions may be negative, counted from the
/// end; throws Error for one that does not exist.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

#include "core/tensor/tensor.h"

namespace hearth {

/// The sum of the elements that are not NaN. Integers and bool give i64.
Tensor nansum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The mean of the elements that are not NaN; NaN where there is none. Floating-point only.
Tensor nanmean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

/// The smallest and the greatest element, as amin() and amax().
std::pair<Tensor, Tensor> aminmax(const Tensor& x);
/// The same along dimension d.
std::pair<Tensor, Tensor> aminmax(const Tensor& x, int64_t d, bool keepdim = false);

/// std() and mean().
std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Dims& dims = {}, int64_t correction = 1,
                                   bool keepdim = false);
/// var() and mean().
std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Dims& dims = {}, int64_t correction = 1,
                                   bool keepdim = false);

/// The k-th smallest elements along dimension d, from k = 1, and their i64 indices; of equal ones that which comes
/// first in a stable order. NaN is greater than every number. The gradient goes to the element at the index. Throws
/// Error unless k is from 1 to the dimension's size.
std::pair<Tensor, Tensor> kthvalue(const Tensor& x, int64_t k, int64_t d = -1, bool keepdim = false);

/// What quantile() takes between two elements.
enum class Interpolation : uint8_t {
  kLinear,    ///< The point on the line between them.
  kLower,     ///< The lower one.
  kHigher,    ///< The higher one.
  kNearest,   ///< The nearer one; of a middle point the one with the even place.
  kMidpoint,  ///< Their mean.
};

/// The q-quantile of the elements along dimension d, of all without it: of n elements in rising order what stands at
/// place q (n - 1). NaN if one is NaN. f32 and f64 only. Throws Error unless 0 <= q <= 1 and there are elements.
Tensor quantile(const Tensor& x, double q, std::optional<int64_t> d = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::kLinear);
/// The same for each of the numbers q: they become a new dimension 0 of the result.
Tensor quantile(const Tensor& x, std::span<const double> q, std::optional<int64_t> d = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::kLinear);
Tensor quantile(const Tensor& x, std::initializer_list<double> q, std::optional<int64_t> d = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::kLinear);  ///< See above.

/// The lower median of the elements that are not NaN; NaN where there is none. The gradient goes to the element.
Tensor nanmedian(const Tensor& x);
/// The same along dimension d, and its i64 index.
std::pair<Tensor, Tensor> nanmedian(const Tensor& x, int64_t d, bool keepdim = false);
/// quantile() of the elements that are not NaN; NaN where there is none.
Tensor nanquantile(const Tensor& x, double q, std::optional<int64_t> d = {}, bool keepdim = false);
/// The element that is there most often along dimension d, of several the smallest, and the i64 index of its last
/// place. The gradient goes there. NaN equals NaN and counts as the greatest. Throws Error for a dimension of size 0.
std::pair<Tensor, Tensor> mode(const Tensor& x, int64_t d = -1, bool keepdim = false);

}  // namespace hearth
