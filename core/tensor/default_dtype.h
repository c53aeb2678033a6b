// The floating-point dtype of values for which none is given.
#pragma once

#include "core/base/thread_state.h"
#include "core/tensor/dtype.h"

namespace hearth {

static_assert(static_cast<DType>(ThreadState{}.float_dtype) == DType::kF32);

/// The dtype of new floating-point values for which none is given: that of this thread's innermost DefaultDType, or
/// else f32.
inline DType default_dtype() { return static_cast<DType>(thread_state.float_dtype); }

/// Sets this thread's default dtype while it lives: torch.set_default_dtype. Functions that make floating-point tensors
/// (zeros, randn, linspace, tensor of C++ numbers with a point …) heed it where their options name no dtype, and so do
/// the parameters of modules that are constructed meanwhile; ops of integers that have floating-point results (`i / j`,
/// `i * 0.5`, sqrt) give it too. A graph computes with the default dtype of the thread that runs it.
///
///   const DefaultDType precise(f64);
///   nn::Linear layer(4, 2);  // of f64 parameters
class DefaultDType {
 public:
  /// Makes `dtype` the default. Throws Error unless it is floating-point.
  explicit DefaultDType(DType dtype);
  /// Restores the previous default.
  ~DefaultDType() { thread_state.float_dtype = static_cast<uint8_t>(previous_); }
  DefaultDType(const DefaultDType&) = delete;
  DefaultDType& operator=(const DefaultDType&) = delete;

 private:
  DType previous_;
};

}  // namespace hearth
