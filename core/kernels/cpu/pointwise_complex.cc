// Elementwise ops of complex numbers: plain loops, in which the compiler finds vectors.
#include "core/kernels/cpu/pointwise_complex.h"

#include <cmath>
#include <complex>
#include <numbers>

#include "core/kernels/iterate/pointwise.h"
#include "core/kernels/pointwise.h"

namespace hearth::cpu {
namespace {

template <class F, class T, size_t... K>
void loop(void* out, const void* const* in, int64_t n, std::index_sequence<K...>) {
  using C = std::complex<T>;
  C* const to = static_cast<C*>(out);
  const C* const from[] = {static_cast<const C*>(in[K])...};
  for (int64_t i = 0; i < n; ++i) to[i] = F()(from[K][i]...);
}
template <class F, class T, int kArity>
void body(void* out, const void* const* in, int64_t n) {
  loop<F, T>(out, in, n, std::make_index_sequence<kArity>());
}
template <class F, int kArity>
void run_complex(OpCall& c) {
  run_pointwise(c, {.c64 = body<F, float, kArity>, .c128 = body<F, double, kArity>});
}

// std::complex's own product and quotient look for infinities, one number at a time.
struct Mul {
  template <class C>
  C operator()(C a, C b) const {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }
};
// Smith (1962): no square of the divisor, which could overflow.
struct Div {
  template <class C>
  C operator()(C a, C b) const {
    using T = typename C::value_type;
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
template <class T>
T magnitude(std::complex<T> v) {
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
struct Add { template <class C> C operator()(C a, C b) const { return a + b; } };
struct Sub { template <class C> C operator()(C a, C b) const { return a - b; } };
struct Neg { template <class C> C operator()(C x) const { return -x; } };
struct Abs { template <class C> C operator()(C x) const { return {magnitude(x), 0}; } };
struct Square { template <class C> C operator()(C x) const { return Mul()(x, x); } };
struct Exp { template <class C> C operator()(C x) const { return std::exp(x); } };
struct Where { template <class C> C operator()(C a, C b, C c) const { return a != C(0) ? b : c; } };
struct Eq { template <class C> C operator()(C a, C b) const { return {a == b ? typename C::value_type(1) : 0, 0}; } };
struct Ne { template <class C> C operator()(C a, C b) const { return {a != b ? typename C::value_type(1) : 0, 0}; } };
struct Conj { template <class C> C operator()(C x) const { return {x.real(), -x.imag()}; } };
struct Angle { template <class C> C operator()(C x) const { return {std::atan2(x.imag(), x.real()), 0}; } };
struct AbsSquare { template <class C> C operator()(C x) const { return {x.real() * x.real() + x.imag() * x.imag(), 0}; } };
struct MakeComplex { template <class C> C operator()(C re, C im) const { return {re.real(), im.real()}; } };
// clang-format on

}  // namespace

namespace complex {

void add(OpCall& c) { run_complex<Add, 2>(c); }
void sub(OpCall& c) { run_complex<Sub, 2>(c); }
void mul(OpCall& c) { run_complex<Mul, 2>(c); }
void div(OpCall& c) { run_complex<Div, 2>(c); }
void neg(OpCall& c) { run_complex<Neg, 1>(c); }
void abs(OpCall& c) { run_complex<Abs, 1>(c); }
void square(OpCall& c) { run_complex<Square, 1>(c); }
void exp(OpCall& c) { run_complex<Exp, 1>(c); }
void where(OpCall& c) { run_complex<Where, 3>(c); }
void eq(OpCall& c) { run_complex<Eq, 2>(c); }
void ne(OpCall& c) { run_complex<Ne, 2>(c); }

}  // namespace complex

void conj(OpCall& c) { run_complex<Conj, 1>(c); }
void angle(OpCall& c) { run_complex<Angle, 1>(c); }
void abs_square(OpCall& c) { run_complex<AbsSquare, 1>(c); }
void make_complex(OpCall& c) { run_complex<MakeComplex, 2>(c); }

}  // namespace hearth::cpu
