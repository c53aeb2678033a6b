/// Runs of equal elements.
#pragma once

#include <cstdint>

#include "core/ops/order.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// Of each run of equal elements in row-major order one: values [n], inverse of x's shape with x = values[inverse],
/// counts [n]. Each NaN counts as another element. The sizes depend on the values: throws Error for a meta tensor and
/// while a function is traced. No gradient passes.
Unique unique_consecutive(const Tensor& x);
/// The same of slices along dimension d; inverse has one index for each slice. Throws Error if x is 0-dim.
Unique unique_consecutive(const Tensor& x, int64_t d);

}  // namespace hearth
