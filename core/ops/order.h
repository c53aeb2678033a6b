// Ops that compare elements with one another.
#pragma once

#include <utility>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

// Bool, of x's shape: is the element among those of `among`. Dtypes are promoted; NaN is among nothing. Takes
// n log m steps.
Tensor isin(const Tensor& x, const Tensor& among, bool invert = false);
Tensor isin(const Tensor& x, Scalar among, bool invert = false);

// The distinct elements in rising order, and for each how often it stands in x; x is values[inverse]. Each NaN counts
// as another element. The sizes depend on values: it cannot be traced, and no gradient passes.
struct Unique {
  Tensor values, inverse, counts;
};
Unique unique(const Tensor& x);
// The distinct slices along a dimension, in lexicographic order; inverse has one index for each slice.
Unique unique(const Tensor& x, int64_t d);

// The middle element of n in rising order, the lower one of two; NaN if there is one. Over all
// elements those that have this value share the gradient, and the median of no floats is NaN. Along a dimension also
// the i64 index of the first element that has this value, through which the gradient passes.
Tensor median(const Tensor& x);
std::pair<Tensor, Tensor> median(const Tensor& x, int64_t d, bool keepdim = false);

// isin: operand 0 of any shape, operand 1 what is looked through. median: along one dimension; values and indices.
// median_all: of one dimension; the value.
extern constinit const OpDef kIsin, kMedian, kMedianAll;

}  // namespace hearth
