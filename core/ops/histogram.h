/// Counts of values. They depend on the values, which are read: throws Error for a meta tensor and while a function is
/// traced.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// How often each number from 0 to the greatest stands in x [n], as i64 [greatest + 1], or [minlength] if that is more.
/// x are integers. Throws Error for a negative number, another shape or dtype.
Tensor bincount(const Tensor& x, int64_t minlength = 0);
/// The same with the sum of the weights [n] in place of the count: f32 weights give f32, others f64. Gradients flow to
/// the weights.
Tensor bincount(const Tensor& x, const Tensor& weights, int64_t minlength = 0);
/// How many elements of x lie in each of `bins` intervals of one width from min to max, both included, in x's dtype.
/// Elements outside, and NaN, are left out. If min and max are equal they are the smallest and the greatest element,
/// and if those are equal too, one less and one more. f32 and f64 only. Throws Error if bins < 1, min > max, or the
/// range is not finite.
Tensor histc(const Tensor& x, int64_t bins = 100, double min = 0, double max = 0);

}  // namespace hearth
