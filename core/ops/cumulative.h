/// Running extremes along a dimension.
///
/// Of equal elements the last one so far counts; from the first NaN on everything is NaN. Every real dtype. A 0-dim
/// tensor counts as one element. Throws Error if there is no dimension d.
#pragma once

#include <cstdint>

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// What cummax() and cummin() give, both in x's shape.
struct RunningExtremes {
  /// The extremes. Their gradient goes to where they stand.
  Tensor values;
  /// Where along the dimension each of them stands, in i64.
  Tensor indices;
};

/// The largest of all elements up to each one along dimension d.
RunningExtremes cummax(const Tensor& x, int64_t d);
/// The smallest of them.
RunningExtremes cummin(const Tensor& x, int64_t d);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> values, indices of cummax(), with DimAttrs.
extern constinit const OpDef kCummax;
/// x -> values, indices of cummin(), with DimAttrs.
extern constinit const OpDef kCummin;

}  // namespace hearth
