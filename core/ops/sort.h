/// Sorting along a dimension.
///
/// Equal elements keep their order (sorts are stable); NaN is greater than every number, and -0 equals 0. Every dtype
/// but the complex ones. A 0-dim tensor counts as one element.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// What sort() and topk() give.
struct Sorted {
  /// Elements of x, in order. Their gradient goes to where they stood.
  Tensor values;
  /// Where along the dimension each of them stood, in i64.
  Tensor indices;
};

/// The elements along dimension d in rising order, or falling if `descending`. Both tensors have x's shape. Throws
/// Error if there is no dimension d.
Sorted sort(const Tensor& x, int64_t d = -1, bool descending = false);
/// The indices that sort() gives.
Tensor argsort(const Tensor& x, int64_t d = -1, bool descending = false);
/// The k largest elements along dimension d, or the smallest, the best first; of equal ones those that come first. Both
/// tensors have x's shape with k in dimension d. Throws Error unless k is from 0 to the dimension's size.
Sorted topk(const Tensor& x, int64_t k, int64_t d = -1, bool largest = true);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> values, indices, with SortAttrs.
extern constinit const OpDef kSort;
/// x -> values, indices, with TopkAttrs.
extern constinit const OpDef kTopk;

}  // namespace hearth
