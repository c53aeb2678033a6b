// What functions of losses share.
#pragma once

#include "core/base/error.h"
#include "core/op/shape_rules.h"
#include "core/ops/loss.h"
#include "core/ops/reduce.h"
#include "core/ops/rounded_internal.h"

namespace hearth {

inline void check_same_shape(const char* op, const Tensor& x, const Tensor& target) {
  expect_defined(op, {x, target});
  expect_dtypes(op, x, kAllTypes);
  expect_dtypes(op, target, kAllTypes);
  HEARTH_CHECK(x.shape() == target.shape(), op, ": the input has shape ", x.shape(), ", but the target ",
               target.shape());
}

inline void check_class_numbers(const char* op, const Tensor& target) {
  HEARTH_CHECK(target.dtype() == DType::kI64 || target.dtype() == DType::kI32, op,
               ": the target must be i64 class numbers, but is ", target.dtype());
}

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
