// Copies between tensors of one GPU.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::cuda {

// `from` into `to`, whose shape it is broadcast to: converts and rearranges.
void copy_tensor(const Tensor& to, const Tensor& from);
// `t`, or a row-major copy of it where it is not row-major.
Tensor row_major(const Tensor& t);
// `t` in a dtype, row-major: itself where it is both.
Tensor row_major_as(const Tensor& t, DType dtype);

}  // namespace hearth::cuda
