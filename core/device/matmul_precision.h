// How exactly GPUs multiply matrices of f32.
#pragma once

#include <cstdint>

namespace hearth {

/// The precision of products of f32 matrices and convolutions on GPUs. The CPU always computes them in f32.
enum class MatmulPrecision : uint8_t {
  kHighest,  ///< f32.
  kHigh,     ///< TF32, with 10 bits of mantissa, where the GPU has it.
  kMedium,   ///< As kHigh; PyTorch may use bf16.
};

/// Sets it for this process from now on, in all threads: torch.set_float32_matmul_precision. It is kHighest where
/// nobody has said so. Throws Error for a number that is no MatmulPrecision.
void set_float32_matmul_precision(MatmulPrecision precision);
/// The precision now.
MatmulPrecision get_float32_matmul_precision();

}  // namespace hearth
