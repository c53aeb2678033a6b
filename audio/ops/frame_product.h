// Products of frames and a matrix: filters' sums, cosine transforms.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Frames [..., n] times a matrix [n, m]: [..., m], floating-point. On the CPU, unlike those of matmul(), the bits of a
/// frame's product do not depend on how many frames there are, so that a stream of frames gives what all at once give,
/// and zeros at the ends of the matrix' columns are left out: what they would multiply does not count, also if it is
/// not finite. Has gradients. Throws Error for shapes that do not fit.
Tensor frame_product(const Tensor& frames, const Tensor& matrix);

// ---- The record (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// (frames, matrix) -> frame_product(frames, matrix).
extern constinit const OpDef kFrameProduct;

}  // namespace hearth::audio
