/// The same elements in another order or number. Results are new tensors, except that roll() by
/// no place may give x itself.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// x side by side with itself, counts[i] times along dimension i. `counts` may have more entries than x dimensions: the
/// further ones stand in front.
Tensor repeat(const Tensor& x, const Dims& counts);
/// x with the order of the elements reversed along each of the dimensions.
Tensor flip(const Tensor& x, const Dims& dims);
/// x with the elements moved by shifts[i] places along dims[i]; those that leave at the end come back at the start.
/// Without dims: one shift over all elements in row-major order.
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims = {});
/// x with zeros above diagonal k of the last two dimensions; k counts to the right of the main diagonal.
Tensor tril(const Tensor& x, int64_t k = 0);
/// x with zeros below diagonal k of the last two dimensions.
Tensor triu(const Tensor& x, int64_t k = 0);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> flip(x, dims), with dims in PermuteAttrs.
extern constinit const OpDef kFlip;

}  // namespace hearth
