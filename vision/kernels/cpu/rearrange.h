// Images whose pixels are pixels of another: crops, paddings, nearest neighbours.
#pragma once

#include "core/tensor/tensor.h"
#include "vision/kernels/cpu/axis.h"

namespace hearth::vision::cpu {

// y [..., h', w'], contiguous, from x [..., h, w] of the same dtype: pixel (i, j) is x's (columns.at[i], rows.at[j]),
// or `fill` where there is none.
void rearrange(const Tensor& x, const Places& rows, const Places& columns, Scalar fill, const Tensor& y);

// The transposed sum: pixel (i, j) of y is the sum of x's pixels that rearrange() would have taken from it, in a fixed
// order. Floating-point; f16 and bf16 are summed in f32.
void gather_sums(const Tensor& x, const Places& rows, const Places& columns, const Tensor& y);

}  // namespace hearth::vision::cpu
