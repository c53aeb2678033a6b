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

// f(a, b, ...), computed in f32 where an operand has 16 bits, and rounded once where all together have.
template <class F, class... Operands>
Tensor loss_in_f32(F f, const Tensor& first, const Operands&... others) {
  DType t = first.dtype();
  ((t = promote(t, others.dtype())), ...);
  const Tensor out = f(machinery::widened(first), machinery::widened(others)...);
  return is_half(t) ? rounded(out, t) : out;
}

}  // namespace hearth
