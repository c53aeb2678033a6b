/// Elementwise functions that are made of others. Operands broadcast and meet in one dtype as in arithmetic.h. Unless a
/// function says otherwise integers give f32, f16 and bf16 are computed in f32 and rounded once, and gradients flow.
#pragma once

#include <optional>

#include "core/tensor/tensor.h"

namespace hearth {

/// clamp() by another name.
Tensor clip(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max = std::nullopt);
Tensor clip(const Tensor& x, const Tensor& min, const Tensor& max);  ///< See above.
/// The greater of a and b, and where one is NaN the other, which then gets the gradient. Keeps the dtype. Else as
/// maximum().
Tensor fmax(const Tensor& a, const Tensor& b);
/// The smaller of a and b; otherwise as fmax().
Tensor fmin(const Tensor& a, const Tensor& b);
/// log(e^a + e^b), without overflow. Floating-point only. Where a and b are equal second derivatives are 0.
Tensor logaddexp(const Tensor& a, const Tensor& b);
/// log2(2^a + 2^b), without overflow. Otherwise as logaddexp().
Tensor logaddexp2(const Tensor& a, const Tensor& b);
/// sin(pi x) / (pi x), and 1 where x is 0. There all derivatives are 0, also the second, which should be -pi^2 / 3.
Tensor sinc(const Tensor& x);
/// Degrees as radians: x pi / 180.
Tensor deg2rad(const Tensor& x);
/// Radians as degrees: x 180 / pi.
Tensor rad2deg(const Tensor& x);
/// x 2^exponent, in x's dtype, or default_dtype() for integers; computed in f64.
Tensor ldexp(const Tensor& x, const Tensor& exponent);
/// True where x is a real number, as bool: everywhere but where complex numbers have another imaginary part than 0.
Tensor isreal(const Tensor& x);
/// True where x is infinity, as bool. Integers are not. No gradient passes.
Tensor isposinf(const Tensor& x);
/// True where x is -infinity, as bool. Integers are not. No gradient passes.
Tensor isneginf(const Tensor& x);

/// log(cumsum(e^x)) along dimension d, without overflow. Floating-point only. Takes log2(n) steps over all elements.
Tensor logcumsumexp(const Tensor& x, int64_t d);

}  // namespace hearth
