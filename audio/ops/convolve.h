// Convolutions of signals, as torchaudio has them. All functions have gradients.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::audio {

/// Which part of a convolution is given. n and m are the lengths of the operands.
enum class ConvolveMode : uint8_t {
  kFull,   ///< All n + m - 1 values.
  kValid,  ///< Those to which the shorter one contributes whole: max(n, m) - min(n, m) + 1.
  kSame,   ///< As many as the first operand has, from the middle.
};

/// sum_k x[t - k] y[k] along the last dimensions, computed as it is written. Leading dimensions broadcast. Throws Error
/// unless both have at least one sample, and the same floating-point dtype.
Tensor convolve(const Tensor& x, const Tensor& y, ConvolveMode mode = ConvolveMode::kFull);
/// The same by Fourier transforms, for long operands. f32 and f64.
Tensor fftconvolve(const Tensor& x, const Tensor& y, ConvolveMode mode = ConvolveMode::kFull);

}  // namespace hearth::audio
