/// Ops that compare elements with one another.
#pragma once

#include <utility>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// A bool tensor of x's shape: true for the elements of x that are among those of `among`, of any shape; `invert` gives
/// the opposite. Dtypes are promoted; NaN is among nothing. With n elements of x and m of `among` it takes (n + m) log
/// m steps. No gradient passes.
Tensor isin(const Tensor& x, const Tensor& among, bool invert = false);
/// eq(x, among), or ne() with `invert`.
Tensor isin(const Tensor& x, Scalar among, bool invert = false);

/// The result of unique().
struct Unique {
  /// The distinct elements or slices in rising order.
  Tensor values;
  /// For each element or slice of x its i64 place in `values`.
  Tensor inverse;
  /// How often each of `values` stands in x, in i64.
  Tensor counts;
};
/// The distinct elements: values [n] in rising order, inverse of x's shape with x = values[inverse], counts [n]. NaN
/// comes last, and each NaN counts as another element. The sizes depend on the values: throws Error for a meta tensor
/// and while a function is traced. No gradient passes.
Unique unique(const Tensor& x);
/// The distinct slices along dimension d, in lexicographic order; inverse has one index for each slice. Otherwise as
/// above. Throws Error if x is 0-dim.
Unique unique(const Tensor& x, int64_t d);

/// The middle of all n elements in rising order, the lower one of two; NaN if there is one. All elements that have this
/// value share the gradient. Not for bool. The median of no floats is NaN; of no integers throws Error.
Tensor median(const Tensor& x);
/// The middle values along dimension d and the i64 indices of the first elements that have them; NaN if there is one.
/// The gradient goes to the element at the index alone. Not for bool. Throws Error if the dimension has no elements.
std::pair<Tensor, Tensor> median(const Tensor& x, int64_t d, bool keepdim = false);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (x of any shape, what is looked through).
extern constinit const OpDef kIsin;
/// Along one dimension: x -> values, indices.
extern constinit const OpDef kMedian;
/// Of one dimension: x -> the value.
extern constinit const OpDef kMedianAll;

}  // namespace hearth
