// Num<T>: one number of a compute type (float, double, int64_t) with the operators and functions that the functors of
// core/kernels/pointwise_functors.h are written in, or a complex one (Complex<float>, Complex<double>) with what those
// of complex_functors.h take; and reading and writing of every dtype.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/kernels/complex_functors.h"
#if HEARTH_CUDA_EMULATED
#include "core/kernels/cpu/special.h"
#endif
#include "core/kernels/incomplete_gamma.h"
#include "core/kernels/special_functions.h"
#include "core/tensor/dtype.h"

#define HEARTH_DEVICE __device__ __forceinline__

namespace hearth::cuda {

template <class T>
struct Mask {
  bool m;
  friend HEARTH_DEVICE Mask operator&(Mask a, Mask b) { return {a.m && b.m}; }
  friend HEARTH_DEVICE Mask operator|(Mask a, Mask b) { return {a.m || b.m}; }
  friend HEARTH_DEVICE Mask operator^(Mask a, Mask b) { return {a.m != b.m}; }
  HEARTH_DEVICE Mask operator!() const { return {!m}; }
};

template <class T>
struct Num {
  using Lane = T;
  T v;
  HEARTH_DEVICE Num() : v(0) {}
  HEARTH_DEVICE Num(T x) : v(x) {}
  template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, T>) HEARTH_DEVICE Num(U x) : v(static_cast<T>(x)) {}

  friend HEARTH_DEVICE Num operator+(Num a, Num b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a.v) + static_cast<uint64_t>(b.v));
    else return a.v + b.v;
  }
  friend HEARTH_DEVICE Num operator-(Num a, Num b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a.v) - static_cast<uint64_t>(b.v));
    else return a.v - b.v;
  }
  friend HEARTH_DEVICE Num operator*(Num a, Num b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a.v) * static_cast<uint64_t>(b.v));
    else return a.v * b.v;
  }
  friend HEARTH_DEVICE Num operator/(Num a, Num b) {
    if constexpr (std::is_integral_v<T>)
      return b.v == 0 ? T(0) : b.v == -1 ? static_cast<T>(0u - static_cast<uint64_t>(a.v)) : a.v / b.v;
    else return a.v / b.v;
  }
  HEARTH_DEVICE Num operator-() const {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(0u - static_cast<uint64_t>(v));
    else return -v;
  }
  friend HEARTH_DEVICE Num operator&(Num a, Num b) { return a.v & b.v; }
  friend HEARTH_DEVICE Num operator|(Num a, Num b) { return a.v | b.v; }
  friend HEARTH_DEVICE Num operator^(Num a, Num b) { return a.v ^ b.v; }
  friend HEARTH_DEVICE Mask<T> operator==(Num a, Num b) { return {a.v == b.v}; }
  friend HEARTH_DEVICE Mask<T> operator!=(Num a, Num b) { return {a.v != b.v}; }
  friend HEARTH_DEVICE Mask<T> operator<(Num a, Num b) { return {a.v < b.v}; }
  friend HEARTH_DEVICE Mask<T> operator<=(Num a, Num b) { return {a.v <= b.v}; }
  friend HEARTH_DEVICE Mask<T> operator>(Num a, Num b) { return {a.v > b.v}; }
  friend HEARTH_DEVICE Mask<T> operator>=(Num a, Num b) { return {a.v >= b.v}; }

  template <class F>
  static HEARTH_DEVICE Num each(Num a, F f) {
    return f(a.v);
  }
  template <class F>
  static HEARTH_DEVICE Num each(Num a, Num b, F f) {
    return f(a.v, b.v);
  }
};

template <class T>
HEARTH_DEVICE Num<T> select(Mask<T> m, Num<T> yes, Num<T> no) {
  return m.m ? yes : no;
}
template <class T>
HEARTH_DEVICE Num<T> ones(Mask<T> m) {
  return T(m.m);
}
template <class T>
HEARTH_DEVICE Mask<T> nonzero(Num<T> a) {
  return {a.v != T(0)};
}
template <class T>
HEARTH_DEVICE Mask<T> isnan(Num<T> a) {
  return {a.v != a.v};
}
template <class T>
HEARTH_DEVICE Num<T> max(Num<T> a, Num<T> b) {
  return a.v != a.v ? a : b.v != b.v ? b : a.v > b.v ? a : b;
}
template <class T>
HEARTH_DEVICE Num<T> min(Num<T> a, Num<T> b) {
  return a.v != a.v ? a : b.v != b.v ? b : a.v < b.v ? a : b;
}

// Float functions by CUDA's own; i64 goes through where rounding is the identity.
#define HEARTH_ROUNDING(name, function)                         \
  template <class T>                                            \
  HEARTH_DEVICE Num<T> name(Num<T> a) {                         \
    if constexpr (std::is_integral_v<T>) return a;              \
    else if constexpr (sizeof(T) == 4) return function##f(a.v); \
    else return function(a.v);                                  \
  }
HEARTH_ROUNDING(floor, ::floor)
HEARTH_ROUNDING(ceil, ::ceil)
HEARTH_ROUNDING(trunc, ::trunc)
HEARTH_ROUNDING(round, ::rint)
#undef HEARTH_ROUNDING
template <class T>
HEARTH_DEVICE Num<T> abs(Num<T> a) {
  if constexpr (std::is_integral_v<T>) return a.v < 0 ? -a : a;
  else if constexpr (sizeof(T) == 4) return ::fabsf(a.v);
  else return ::fabs(a.v);
}
#define HEARTH_FUNCTION_1(name, function)                                    \
  HEARTH_DEVICE Num<float> name(Num<float> a) { return ::function##f(a.v); } \
  HEARTH_DEVICE Num<double> name(Num<double> a) { return ::function(a.v); }
HEARTH_FUNCTION_1(sqrt, sqrt)
HEARTH_FUNCTION_1(exp, exp)
HEARTH_FUNCTION_1(exp2, exp2)
HEARTH_FUNCTION_1(expm1, expm1)
HEARTH_FUNCTION_1(log, log)
HEARTH_FUNCTION_1(log2, log2)
HEARTH_FUNCTION_1(log10, log10)
HEARTH_FUNCTION_1(log1p, log1p)
HEARTH_FUNCTION_1(sin, sin)
HEARTH_FUNCTION_1(cos, cos)
HEARTH_FUNCTION_1(tan, tan)
HEARTH_FUNCTION_1(asin, asin)
HEARTH_FUNCTION_1(acos, acos)
HEARTH_FUNCTION_1(atan, atan)
HEARTH_FUNCTION_1(sinh, sinh)
HEARTH_FUNCTION_1(cosh, cosh)
HEARTH_FUNCTION_1(tanh, tanh)
HEARTH_FUNCTION_1(asinh, asinh)
HEARTH_FUNCTION_1(acosh, acosh)
HEARTH_FUNCTION_1(atanh, atanh)
HEARTH_FUNCTION_1(erf, erf)
HEARTH_FUNCTION_1(erfc, erfc)
#undef HEARTH_FUNCTION_1
HEARTH_DEVICE Num<float> atan2(Num<float> a, Num<float> b) { return ::atan2f(a.v, b.v); }
HEARTH_DEVICE Num<double> atan2(Num<double> a, Num<double> b) { return ::atan2(a.v, b.v); }
#if HEARTH_CUDA_EMULATED
HEARTH_DEVICE Num<float> erfinv(Num<float> a) { return static_cast<float>(special::erfinv(a.v)); }
HEARTH_DEVICE Num<double> erfinv(Num<double> a) { return special::erfinv(a.v); }
#else
HEARTH_DEVICE Num<float> erfinv(Num<float> a) { return ::erfinvf(a.v); }
HEARTH_DEVICE Num<double> erfinv(Num<double> a) { return ::erfinv(a.v); }
#endif
HEARTH_DEVICE Num<float> hypot(Num<float> a, Num<float> b) { return ::hypotf(a.v, b.v); }
HEARTH_DEVICE Num<double> hypot(Num<double> a, Num<double> b) { return ::hypot(a.v, b.v); }
template <class T>
HEARTH_DEVICE Num<T> lgamma(Num<T> x) {
  return static_cast<T>(::lgamma(static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> digamma(Num<T> x) {
  return static_cast<T>(special::digamma(static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> polygamma(Num<T> x, Num<T> n) {
  return static_cast<T>(special::polygamma(static_cast<double>(x.v), static_cast<double>(n.v)));
}
template <class T>
HEARTH_DEVICE Num<T> zeta(Num<T> s, Num<T> q) {
  return static_cast<T>(special::zeta(static_cast<double>(s.v), static_cast<double>(q.v)));
}
template <class T>
HEARTH_DEVICE Num<T> gammainc(Num<T> a, Num<T> x) {
  return static_cast<T>(special::gammainc(static_cast<double>(a.v), static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> gammaincc(Num<T> a, Num<T> x) {
  return static_cast<T>(special::gammaincc(static_cast<double>(a.v), static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> erfcx(Num<T> x) {
  return static_cast<T>(special::erfcx(static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> log_ndtr(Num<T> x) {
  return static_cast<T>(special::log_ndtr(static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> ndtri(Num<T> x) {
  return static_cast<T>(special::ndtri(static_cast<double>(x.v)));
}
template <class T>
HEARTH_DEVICE Num<T> i0(Num<T> x) {
  return static_cast<T>(special::bessel_i(static_cast<double>(x.v), 0));
}
template <class T>
HEARTH_DEVICE Num<T> i0e(Num<T> x) {
  return static_cast<T>(special::scaled_bessel_i(static_cast<double>(x.v), 0));
}
template <class T>
HEARTH_DEVICE Num<T> i1(Num<T> x) {
  return static_cast<T>(special::bessel_i(static_cast<double>(x.v), 1));
}
template <class T>
HEARTH_DEVICE Num<T> i1e(Num<T> x) {
  return static_cast<T>(special::scaled_bessel_i(static_cast<double>(x.v), 1));
}
HEARTH_DEVICE Num<int64_t> gcd(Num<int64_t> a, Num<int64_t> b) { return special::gcd(a.v, b.v); }
template <class T>
HEARTH_DEVICE Num<T> sigmoid(Num<T> x) {
  return Num<T>(1) / (Num<T>(1) + exp(-x));
}

template <class T>
HEARTH_DEVICE Num<T> fmod(Num<T> x, Num<T> y) {
  if constexpr (std::is_integral_v<T>) return y.v == 0 || y.v == -1 ? T(0) : x.v % y.v;
  else if constexpr (sizeof(T) == 4) return ::fmodf(x.v, y.v);
  else return ::fmod(x.v, y.v);
}
template <class T>
HEARTH_DEVICE Num<T> remainder(Num<T> x, Num<T> y) {
  const T r = fmod(x, y).v;
  return r != 0 && (r < 0) != (y.v < 0) ? Num<T>(r + y.v) : Num<T>(r);
}
template <class T>
HEARTH_DEVICE Num<T> floor_divide(Num<T> x, Num<T> y) {
  if constexpr (std::is_integral_v<T>) {
    if (y.v == 0) return T(0);
    const Num<T> q = x / y;
    return fmod(x, y).v != 0 && (x.v < 0) != (y.v < 0) ? q - Num<T>(1) : q;
  } else {
    if (y.v == 0) return x / y;
    const T rest = fmod(x, y).v;
    T q = (x.v - rest) / y.v;
    if (rest != 0 && (y.v < 0) != (rest < 0)) q -= T(1);
    if (q == 0)
      return sizeof(T) == 4 ? T(::copysignf(0.0f, static_cast<float>(x.v / y.v))) : T(::copysign(0.0, x.v / y.v));
    const T f = floor(Num<T>(q)).v;
    return q - f > T(0.5) ? f + T(1) : f;
  }
}
template <class T>
HEARTH_DEVICE Num<T> pow(Num<T> x, Num<T> y) {
  if constexpr (std::is_integral_v<T>) {
    if (y.v < 0) return x.v == 1 ? T(1) : x.v == -1 ? (y.v % 2 ? T(-1) : T(1)) : T(0);
    uint64_t r = 1, b = static_cast<uint64_t>(x.v);
    for (uint64_t e = static_cast<uint64_t>(y.v); e; e >>= 1, b *= b) {
      if (e & 1) r *= b;
    }
    return static_cast<T>(r);
  } else if constexpr (sizeof(T) == 4) {
    return ::powf(x.v, y.v);
  } else {
    return ::pow(x.v, y.v);
  }
}

// ---- complex numbers

template <class T>
struct alignas(2 * sizeof(T)) Complex {
  T re, im;
  Complex() = default;
  HEARTH_DEVICE Complex(T r, T i) : re(r), im(i) {}
  HEARTH_DEVICE explicit Complex(T r) : re(r), im(0) {}
  HEARTH_DEVICE explicit operator T() const { return re; }
  friend HEARTH_DEVICE bool operator==(Complex a, Complex b) { return a.re == b.re && a.im == b.im; }
};
template <class T>
constexpr bool is_pair = false;
template <class T>
constexpr bool is_pair<Complex<T>> = true;

template <class T>
struct Num<Complex<T>> {
  using value_type = T;
  Complex<T> v;
  HEARTH_DEVICE Num(Complex<T> x) : v(x) {}
  HEARTH_DEVICE Num(T re, T im) : v(re, im) {}
  HEARTH_DEVICE T real() const { return v.re; }
  HEARTH_DEVICE T imag() const { return v.im; }
  friend HEARTH_DEVICE Num operator+(Num a, Num b) { return {a.v.re + b.v.re, a.v.im + b.v.im}; }
};

// As C's cexp, by way of f64, where an f32's exponential does not overflow; an f64's is taken in two parts.
template <class T>
HEARTH_DEVICE Num<Complex<T>> exp(Num<Complex<T>> x) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T re = x.real(), im = x.imag();
  if (im - im != 0 && re == -infinity) return {T(0), T(0)};
  if (im - im != 0 && re == infinity) return {re, im - im};
  const double size = re, angle = im;
  const bool large = size > 709;
  const double first = ::exp(large ? size / 2 : size), second = large ? first : 1;
  if (im == 0) return {static_cast<T>(first * second), im};
  return {static_cast<T>(first * ::cos(angle) * second), static_cast<T>(first * ::sin(angle) * second)};
}

// ---- dtypes. Half and BFloat16 convert by bits on the host; on the device by the instructions.
#if defined(__CUDA_ARCH__)
HEARTH_DEVICE float widen(Half h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h.bits));
  return f;
}
HEARTH_DEVICE float widen(BFloat16 h) { return __uint_as_float(static_cast<unsigned>(h.bits) << 16); }
HEARTH_DEVICE void narrow(float f, Half& h) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h.bits) : "f"(f)); }
HEARTH_DEVICE void narrow(float f, BFloat16& h) {
  const unsigned u = __float_as_uint(f);
  h.bits = static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? (u >> 16) | 0x40u
                                                                 : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
#else
inline float widen(Half h) { return static_cast<float>(h); }
inline float widen(BFloat16 h) { return static_cast<float>(h); }
inline void narrow(float f, Half& h) { h = Half(f); }
inline void narrow(float f, BFloat16& h) { h = BFloat16(f); }
#endif

template <class T, class From>
HEARTH_DEVICE T convert_in(From v) {
  if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) return convert<T>(widen(v));
  else return convert<T>(v);
}
template <class T>
HEARTH_DEVICE T read(DType t, const void* p, int64_t i) {
  if constexpr (is_pair<T>) {
    using R = Num<T>::value_type;
    if (t == DType::kC64)
      return {convert<R>(static_cast<const float*>(p)[2 * i]), convert<R>(static_cast<const float*>(p)[2 * i + 1])};
    if (t == DType::kC128)
      return {convert<R>(static_cast<const double*>(p)[2 * i]), convert<R>(static_cast<const double*>(p)[2 * i + 1])};
    return T(read<R>(t, p, i));
  } else {
    switch (t) {
#define HEARTH_CASE(dtype, type) \
  case DType::dtype:             \
    return convert_in<T>(static_cast<const type*>(p)[i]);
      HEARTH_CASE(kBool, bool)
      HEARTH_CASE(kU8, uint8_t)
      HEARTH_CASE(kI8, int8_t)
      HEARTH_CASE(kI16, int16_t)
      HEARTH_CASE(kI32, int32_t)
      HEARTH_CASE(kI64, int64_t)
      HEARTH_CASE(kF16, Half)
      HEARTH_CASE(kBF16, BFloat16)
      HEARTH_CASE(kF32, float)
      HEARTH_CASE(kF64, double)
#undef HEARTH_CASE
      // The real part.
      case DType::kC64:
        return convert_in<T>(static_cast<const float*>(p)[2 * i]);
      case DType::kC128:
        return convert_in<T>(static_cast<const double*>(p)[2 * i]);
    }
    return T(0);
  }
}
template <class T>
HEARTH_DEVICE void write(DType t, void* p, int64_t i, T v) {
  if constexpr (is_pair<T>) {
    if (t == DType::kC64) {
      static_cast<float*>(p)[2 * i] = convert<float>(v.re);
      static_cast<float*>(p)[2 * i + 1] = convert<float>(v.im);
    } else if (t == DType::kC128) {
      static_cast<double*>(p)[2 * i] = convert<double>(v.re);
      static_cast<double*>(p)[2 * i + 1] = convert<double>(v.im);
    } else if (t == DType::kBool) {
      static_cast<bool*>(p)[i] = convert<bool>(v);
    } else {
      write(t, p, i, v.re);
    }
  } else {
    switch (t) {
#define HEARTH_CASE(dtype, type)                 \
  case DType::dtype:                             \
    static_cast<type*>(p)[i] = convert<type>(v); \
    return;
      HEARTH_CASE(kBool, bool)
      HEARTH_CASE(kU8, uint8_t)
      HEARTH_CASE(kI8, int8_t)
      HEARTH_CASE(kI16, int16_t)
      HEARTH_CASE(kI32, int32_t)
      HEARTH_CASE(kI64, int64_t)
      HEARTH_CASE(kF32, float)
      HEARTH_CASE(kF64, double)
#undef HEARTH_CASE
      case DType::kF16:
        narrow(static_cast<float>(v), static_cast<Half*>(p)[i]);
        return;
      case DType::kBF16:
        narrow(static_cast<float>(v), static_cast<BFloat16*>(p)[i]);
        return;
      case DType::kC64:
        static_cast<float*>(p)[2 * i] = convert<float>(v);
        static_cast<float*>(p)[2 * i + 1] = 0;
        return;
      case DType::kC128:
        static_cast<double*>(p)[2 * i] = convert<double>(v);
        static_cast<double*>(p)[2 * i + 1] = 0;
        return;
    }
  }
}

}  // namespace hearth::cuda
