/// Running sums and products.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// The sums of all elements up to each one along dimension d. Integers and bool give i64; f16 and bf16 are summed in
/// f64 and rounded once for each element.
Tensor cumsum(const Tensor& x, int64_t d);
/// The products of all elements up to each one along dimension d. Integers and bool give i64; f16 and bf16 are
/// multiplied in f32.
Tensor cumprod(const Tensor& x, int64_t d);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> cumsum(x, d), with d in DimAttrs.
extern constinit const OpDef kCumsum;

}  // namespace hearth
