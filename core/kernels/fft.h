// Fourier transforms (FftAttrs) along one or more dimensions.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void fft_c2c(OpCall&);  // complex to complex, of the same shape
void fft_r2c(OpCall&);  // real to complex: the last of the dimensions becomes n / 2 + 1
void fft_c2r(OpCall&);  // complex to real, the last of the dimensions from n / 2 + 1; its ends' imaginary parts are 0

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void fft_c2c(OpCall&);
[[gnu::weak]] void fft_r2c(OpCall&);
[[gnu::weak]] void fft_c2r(OpCall&);

}  // namespace hearth::cuda
