// What functions of losses share.
#pragma once

#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"

namespace hearth {

inline Tensor reduced_loss(const Tensor& loss, Reduction r) {
  switch (r) {
    case Reduction::kMean:
      return mean(loss);
    case Reduction::kSum:
      return sum(loss);
    case Reduction::kNone:
      return loss;
  }
  return loss;
}

// f(a, b, ...), computed in f32 and rounded once where all together are of 16 bits.
template <class F, class... Operands>
Tensor loss_in_f32(F f, const Tensor& first, const Operands&... others) {
  DType t = first.dtype();
  ((t = promote(t, others.dtype())), ...);
  return is_half(t) ? rounded(f(machinery::widened(first), machinery::widened(others)...), t) : f(first, others...);
}

}  // namespace hearth
