/// Dropout: random zeros in training (Srivastava et al., 2014).
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/generator.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// x with each element zero with probability p, the others scaled by 1 / (1 - p); x itself where `training` is false or
/// p is 0. The result keeps x's strides where x lies without gaps. Takes a random number for each element from
/// `generator`, or the default one. Floating-point; throws Error unless 0 <= p <= 1.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
/// The same for whole channels: all of x[i, k] are zero, or none. x is [n, c, ...].
Tensor dropout2d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> y, with DropoutAttrs. Keeps the mask for backward: a bool tensor, true where x was kept.
extern constinit const OpDef kDropout;
/// (dy, mask) -> dx.
extern constinit const OpDef kDropoutGrad;

}  // namespace hearth
