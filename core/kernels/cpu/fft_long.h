// Fourier transforms that are too long for the caches, or come alone.
#pragma once

#include "core/kernels/cpu/fft_plan.h"

namespace hearth::cpu {

// True if a transform with this plan can be cut in two.
template <class T>
bool cuts(const FftPlan<T>& plan) {
  return plan.n1 > 0 || (plan.convolves() && plan.convolution->n1 > 0);
}

// `to` = factor times the transform of plan.n pairs; `inverse`: the exponent's sign is +. `to` may be `from`. In
// several threads.
template <class T>
void fft_long(const FftPlan<T>& plan, const T* from, T* to, bool inverse, T factor);

}  // namespace hearth::cpu
