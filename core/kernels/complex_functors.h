// What elementwise ops compute of complex numbers, once for the CPU and for GPUs: HEARTH_SPECIAL says how they are
// compiled there. C is the device's complex number. The ops are those of types C, FC and AC in pointwise_lists.h; what
// gives a real number gives it as the real part.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/kernels/any_device.h"

namespace hearth::complex_functors {

template <class C>
using Part = typename C::value_type;

// std::complex's own product and quotient look for infinities, one number at a time.
struct Mul {
  template <class C>
  HEARTH_SPECIAL C operator()(C a, C b) const {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }
};
// Smith (1962): no square of the divisor, which could overflow.
struct Div {
  template <class C>
  HEARTH_SPECIAL C operator()(C a, C b) const {
    using T = Part<C>;
    const bool real_larger = std::abs(b.real()) >= std::abs(b.imag());
    const T large = real_larger ? b.real() : b.imag(), small = real_larger ? b.imag() : b.real();
    const T x = real_larger ? a.real() : a.imag(), y = real_larger ? a.imag() : a.real();
    const T r = small / large, d = large + small * r;
    const T re = (x + y * r) / d, im = (y - x * r) / d;
    // By 0, as PyTorch: each part alone.
    if (large == 0) return {a.real() / std::abs(b.real()), a.imag() / std::abs(b.real())};
    return {re, real_larger ? im : -im};
  }
};

template <class C>
HEARTH_SPECIAL Part<C> magnitude(C v) {
  using T = Part<C>;
  // Squares of floats neither overflow nor vanish in double.
  if constexpr (std::is_same_v<T, float>) {
    const double a = v.real(), b = v.imag();
    const auto r = static_cast<float>(std::sqrt(a * a + b * b));
    return std::isinf(v.real()) || std::isinf(v.imag()) ? std::numeric_limits<float>::infinity() : r;
  } else {
    return std::hypot(v.real(), v.imag());
  }
}

// clang-format off
struct Add { template <class C> HEARTH_SPECIAL C operator()(C a, C b) const { return {a.real() + b.real(), a.imag() + b.imag()}; } };
struct Sub { template <class C> HEARTH_SPECIAL C operator()(C a, C b) const { return {a.real() - b.real(), a.imag() - b.imag()}; } };
struct Neg { template <class C> HEARTH_SPECIAL C operator()(C x) const { return {-x.real(), -x.imag()}; } };
struct Abs { template <class C> HEARTH_SPECIAL C operator()(C x) const { return {magnitude(x), 0}; } };
struct Square { template <class C> HEARTH_SPECIAL C operator()(C x) const { return Mul()(x, x); } };
struct Exp { template <class C> HEARTH_SPECIAL C operator()(C x) const { return exp(x); } };
struct Where { template <class C> HEARTH_SPECIAL C operator()(C a, C b, C c) const { return a.real() != 0 || a.imag() != 0 ? b : c; } };
struct Eq { template <class C> HEARTH_SPECIAL C operator()(C a, C b) const { return {Part<C>(a.real() == b.real() && a.imag() == b.imag()), 0}; } };
struct Ne { template <class C> HEARTH_SPECIAL C operator()(C a, C b) const { return {Part<C>(a.real() != b.real() || a.imag() != b.imag()), 0}; } };
struct Conj { template <class C> HEARTH_SPECIAL C operator()(C x) const { return {x.real(), -x.imag()}; } };
struct Angle { template <class C> HEARTH_SPECIAL C operator()(C x) const { return {std::atan2(x.imag(), x.real()), 0}; } };
struct AbsSquare { template <class C> HEARTH_SPECIAL C operator()(C x) const { return {x.real() * x.real() + x.imag() * x.imag(), 0}; } };
struct MakeComplex { template <class C> HEARTH_SPECIAL C operator()(C re, C im) const { return {re.real(), im.real()}; } };
// clang-format on

}  // namespace hearth::complex_functors
