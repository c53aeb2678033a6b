// The softmax family.
#pragma once

#include "core/op/op_def.h"
#include "core/tensor/tensor.h"

namespace hearth {

/// exp(x) / sum(exp(x)) along dimension d.
Tensor softmax(const Tensor& x, int64_t d);
/// log(softmax(x)), without the rounding of small weights.
Tensor log_softmax(const Tensor& x, int64_t d);
/// softmax, but 0 along lines of nothing but -infinity, where softmax is NaN.
Tensor safe_softmax(const Tensor& x, int64_t d);

extern constinit const OpDef kSoftmax, kLogSoftmax, kSafeSoftmax;

}  // namespace hearth
