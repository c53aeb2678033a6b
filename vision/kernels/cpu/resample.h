// Weighted sums along rows and columns of images.
#pragma once

#include "core/kernels/cpu/taps.h"
#include "core/tensor/tensor.h"

namespace hearth::vision::cpu {

using hearth::cpu::Taps;

// Every plane of x [..., h, w], first along its rows, then along its columns, into y [..., h', w'], which is
// contiguous. f32 and f64 in their own type; f16 and bf16 in f32. The bits do not depend on the number of threads.
void resample(const Tensor& x, const Taps& rows, const Taps& columns, const Tensor& y);

// u8. exact: sums in fixed point with 22 bits, rounded to u8 between rows and columns, which is Pillow's arithmetic to
// the bit; otherwise in f32, rounded once at the end, ties to even.
void resample_u8(const Tensor& x, const Taps& rows, const Taps& columns, bool exact, const Tensor& y);

}  // namespace hearth::vision::cpu
