/// Integrals of samples by the trapezoidal rule. Gradients flow through all functions. Integers are computed in f32;
/// not for bool.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// The integral along dimension d of samples y that are `dx` apart; 0 of fewer than two.
Tensor trapezoid(const Tensor& y, double dx = 1, int64_t d = -1);
/// The same at places x, which broadcast with y or are one line for all.
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t d = -1);
/// trapezoid() by another name.
Tensor trapz(const Tensor& y, double dx = 1, int64_t d = -1);
/// trapezoid() by another name.
Tensor trapz(const Tensor& y, const Tensor& x, int64_t d = -1);
/// The integrals up to each sample but the first: one place less along d. Not for complex numbers.
Tensor cumulative_trapezoid(const Tensor& y, double dx = 1, int64_t d = -1);
/// The same at places x, as in trapezoid().
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t d = -1);

}  // namespace hearth
