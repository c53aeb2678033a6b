/// Elements several times in a row.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// Each element along dimension d `count` times in a row: [1, 2] gives [1, 1, 2, 2] for a count of 2. A 0-dim tensor
/// counts as one element. Throws Error if there is no dimension d, if count is negative, or if the result is too large.
Tensor repeat_interleave(const Tensor& x, int64_t count, int64_t d);
/// Element i along dimension d counts[i] times in a row. `counts` are integers, [size of d] or of one element, on any
/// device; they are read, so that a function that is traced cannot call this. Throws Error as above, and for other
/// shapes and dtypes of `counts`.
Tensor repeat_interleave(const Tensor& x, const Tensor& counts, int64_t d);
/// All elements in row-major order, each `count` times in a row: one dimension.
Tensor repeat_interleave(const Tensor& x, int64_t count);
/// The same, element i counts[i] times.
Tensor repeat_interleave(const Tensor& x, const Tensor& counts);
/// Place i counts[i] times: i64, one dimension.
Tensor repeat_interleave(const Tensor& counts);

}  // namespace hearth
