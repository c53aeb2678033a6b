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

// The result itself if it is row-major, else memory to compute it in, which finish() copies. What was not computed is
// undefined, and finish() leaves the result as it is.
Tensor place_for(const Tensor& out);
void finish(const Tensor& out, const Tensor& computed);

}  // namespace hearth::cuda
