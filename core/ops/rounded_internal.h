// What functions that compute halves in f32 give back.
#pragma once

#include "core/autograd/autocast.h"
#include "core/op/machinery.h"

namespace hearth {

/// A result that was computed in f32, rounded to the dtype of its operands; under Autocast, where losses, norms and
/// sums are f32, as it is.
inline Tensor rounded(const Tensor& result, DType t) {
  return Autocast::current() ? result : machinery::cast(result, t);
}

}  // namespace hearth
