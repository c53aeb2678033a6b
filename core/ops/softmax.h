// The softmax family.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// e^x / sum(e^x) along dimension d, without overflow; NaN along lines of nothing but -infinity. Floating-point only;
/// f16 and bf16 are computed in f32 and rounded once.
Tensor softmax(const Tensor& x, int64_t d);
/// log(softmax(x)) along dimension d, without the overflow and underflow of both steps. Otherwise as softmax().
Tensor log_softmax(const Tensor& x, int64_t d);
/// softmax(), but 0 along lines of nothing but -infinity.
Tensor safe_softmax(const Tensor& x, int64_t d);

// ---- The records of these ops (core/op/op_def.h), for code that looks at ops: tracing, devices, tests.
/// x -> softmax(x, d), with d in DimAttrs.
extern constinit const OpDef kSoftmax;
/// x -> log_softmax(x, d), with d in DimAttrs.
extern constinit const OpDef kLogSoftmax;
/// x -> safe_softmax(x, d), with d in DimAttrs.
extern constinit const OpDef kSafeSoftmax;

}  // namespace hearth
