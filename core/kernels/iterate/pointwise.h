// Drives elementwise kernels over tensors of any shapes, strides and dtypes.
//
// A kernel gives 1-D bodies for the compute types only. The driver broadcasts, drops and merges dimensions, cuts the
// work into blocks that stay in L1, converts other dtypes and gathers strided operands block by block, and runs blocks
// in parallel.
#pragma once

#include <cstdint>

#include "core/op/op_call.h"

namespace hearth::cpu {

// out[i] = f(in[0][i], in[1][i], ...) for i < n; all arrays of the body's compute type. out may be one of the inputs.
using Body = void (*)(void* out, const void* const* in, int64_t n);

struct Bodies {
  Body f32 = nullptr, f64 = nullptr, i64 = nullptr, c64 = nullptr, c128 = nullptr;
  Body of(DType compute) const {
    switch (compute) {
      case DType::kF32:
        return f32;
      case DType::kF64:
        return f64;
      case DType::kC64:
        return c64;
      case DType::kC128:
        return c128;
      default:
        return i64;
    }
  }
};

// Computes call.out[0] from its tensor and number operands in compute_type(call.dtype).
void run_pointwise(OpCall& call, const Bodies& bodies);

}  // namespace hearth::cpu
