// Transcendental functions on Vec<float> and Vec<double>. Errors are within 2 ULP (tests/core/op_table), in f64 within
// 3 for tanh and 5 for the C library's erfc, with infinities, NaN, denormals and the ends of the range right. What
// models spend time in (exp, log, tanh, sigmoid, erf, sin, cos) is vectorised; the rest takes the C library's function
// lane by lane, float through double.
#if defined(HEARTH_KERNELS_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_MATH_INL_H_
#undef HEARTH_KERNELS_CPU_MATH_INL_H_
#else
#define HEARTH_KERNELS_CPU_MATH_INL_H_
#endif

#include <cmath>

#include "core/kernels/cpu/special.h"
#include "core/kernels/cpu/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {

template <class T>
constexpr T kInf = static_cast<T>(__builtin_inf());
template <class T>
constexpr T kNaN = static_cast<T>(__builtin_nan(""));

// c0 + x (c1 + x (c2 + ...))
template <class T, class... C>
HWY_INLINE Vec<T> polynomial(Vec<T> x, T c0, C... c) {
  if constexpr (sizeof...(C) == 0) {
    return Vec<T>(c0);
  } else {
    return fma(polynomial(x, static_cast<T>(c)...), x, Vec<T>(c0));
  }
}

// 2^n for integral n within the exponents of normal numbers.
HWY_INLINE Vec<float> pow2_normal(Vec<float> n) {
  const hn::RebindToSigned<Tag<float>> di;
  const auto bits = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n.v), hn::Set(di, 127)));
  return hn::BitCast(Tag<float>(), bits);
}
HWY_INLINE Vec<double> pow2_normal(Vec<double> n) {
  const hn::RebindToSigned<Tag<double>> di;
  const auto bits = hn::ShiftLeft<52>(hn::Add(hn::ConvertTo(di, n.v), hn::Set(di, 1023)));
  return hn::BitCast(Tag<double>(), bits);
}

// x 2^n for integral |n| up to twice the range of exponents: denormal results are rounded once.
template <class T>
HWY_INLINE Vec<T> scale2(Vec<T> x, Vec<T> n) {
  const Vec<T> half = floor(n * Vec<T>(T(0.5)));
  return x * pow2_normal(half) * pow2_normal(n - half);
}

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  // Beyond these exp is infinite or 0 in every rounding.
  static constexpr float low = -105.0f, high = 89.0f;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
};
template <>
struct ExpConstants<double> {
  static constexpr double low = -746.0, high = 710.0;
  static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
};

// (e^r - 1) for |r| <= ln(2) / 2: the Taylor series, whose first term left out is below a tenth of an ULP.
HWY_INLINE Vec<float> expm1_reduced(Vec<float> r) {
  const Vec<float> p = polynomial(r, 1.0f / 2, 1.0f / 6, 1.0f / 24, 1.0f / 120, 1.0f / 720, 1.0f / 5040);
  return fma(r * r, p, r);
}
HWY_INLINE Vec<double> expm1_reduced(Vec<double> r) {
  const Vec<double> p = polynomial(r, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                                   1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0);
  return fma(r * r, p, r);
}

template <class T>
struct Reduced {
  Vec<T> n, r;
};
// x = n ln(2) + r, after Cody and Waite, "Software Manual for the Elementary Functions" (1980).
template <class T>
HWY_INLINE Reduced<T> reduce_ln2(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> n = round(x * Vec<T>(T(1.44269504088896340736)));
  return {n, fma(n, Vec<T>(-C::ln2_low), fma(n, Vec<T>(-C::ln2_high), x))};
}

template <class T>
HWY_INLINE Vec<T> exp(Vec<T> x) {
  using C = ExpConstants<T>;
  // Max and Min here give the bound for NaN; the select at the end brings NaN back.
  const Vec<T> inside = hn::Min(hn::Max(x.v, Vec<T>(C::low).v), Vec<T>(C::high).v);
  const auto [n, r] = reduce_ln2(inside);
  const Vec<T> y = scale2(Vec<T>(T(1)) + expm1_reduced(r), n);
  return select(isnan(x), x, y);
}

template <class T>
HWY_INLINE Vec<T> expm1(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> one(T(1));
  const Vec<T> inside = hn::Min(hn::Max(x.v, Vec<T>(T(-50)).v), Vec<T>(C::high).v);
  const auto [n, r] = reduce_ln2(inside);
  const Vec<T> p = expm1_reduced(r);
  // 2^n p + (2^n - 1), with one factor 2 kept back so that 2^n itself cannot overflow.
  const Vec<T> half = pow2_normal(n - one);
  const Vec<T> y = (fma(half, p, half - Vec<T>(T(0.5)))) * Vec<T>(T(2));
  return select(isnan(x) | (x == Vec<T>(T(0))), x, y);
}

// The exponent k and m in [sqrt(1/2), sqrt(2)) with x = m 2^k, for positive normal x.
template <class T>
struct Parts {
  Vec<T> m, k;
};
HWY_INLINE Parts<float> split(Vec<float> x) {
  const hn::RebindToSigned<Tag<float>> di;
  const auto bits = hn::BitCast(di, x.v);
  const auto k = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const auto m = hn::Sub(bits, hn::ShiftLeft<23>(k));
  return {hn::BitCast(Tag<float>(), m), hn::ConvertTo(Tag<float>(), k)};
}
HWY_INLINE Parts<double> split(Vec<double> x) {
  const hn::RebindToSigned<Tag<double>> di;
  const auto bits = hn::BitCast(di, x.v);
  const auto k = hn::ShiftRight<52>(hn::Sub(bits, hn::Set(di, int64_t{0x3fe6a09e667f3bcd})));
  const auto m = hn::Sub(bits, hn::ShiftLeft<52>(k));
  return {hn::BitCast(Tag<double>(), m), hn::ConvertTo(Tag<double>(), k)};
}

// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s))) with s = f / (2 + f), as in fdlibm's e_log.c; R is the series of atanh.
HWY_INLINE Vec<float> atanh_tail(Vec<float> z) {
  return z * polynomial(z, 2.0f / 3, 2.0f / 5, 2.0f / 7, 2.0f / 9, 2.0f / 11);
}
HWY_INLINE Vec<double> atanh_tail(Vec<double> z) {
  return z * polynomial(z, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19,
                        2.0 / 21, 2.0 / 23);
}

template <class T>
HWY_INLINE Vec<T> log(Vec<T> x) {
  using C = ExpConstants<T>;
  const T smallest = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
  const T up = sizeof(T) == 4 ? T(33554432.0) : T(18014398509481984.0);  // 2^25, 2^54
  const T up_log2 = sizeof(T) == 4 ? T(25) : T(54);
  const Mask<T> denormal = x < Vec<T>(smallest);
  auto [m, k] = split(select(denormal, x * Vec<T>(up), x));
  k = k - select(denormal, Vec<T>(up_log2), Vec<T>(T(0)));
  const Vec<T> f = m - Vec<T>(T(1));
  const Vec<T> s = f / (f + Vec<T>(T(2)));
  const Vec<T> z = s * s;
  const Vec<T> hf = f * f * Vec<T>(T(0.5));
  const Vec<T> r = atanh_tail(z);
  // k ln2_high is exact.
  Vec<T> y = k * Vec<T>(C::ln2_high) - ((hf - fma(s, hf + r, k * Vec<T>(C::ln2_low))) - f);
  y = select(x == Vec<T>(kInf<T>), x, y);
  y = select(x == Vec<T>(T(0)), Vec<T>(-kInf<T>), y);
  return select(!(x >= Vec<T>(T(0))), Vec<T>(kNaN<T>), y);
}

template <class T>
HWY_INLINE Vec<T> sigmoid(Vec<T> x) {
  return Vec<T>(T(1)) / (Vec<T>(T(1)) + exp(-x));
}

// (e^2x - 1) / (e^2x + 1), with the sign put back.
template <class T>
HWY_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> a = hn::Min(abs(x).v, Vec<T>(T(22)).v);
  const Vec<T> e = expm1(a + a);
  return select(isnan(x), x, copysign(e / (e + Vec<T>(T(2))), x));
}

// Two polynomials fitted at Chebyshev points: erf(x) / x in x^2 on [0, 1], and log erfc(x) on [1, 4].
HWY_INLINE Vec<float> erf(Vec<float> x) {
  const Vec<float> a = hn::Min(abs(x).v, Vec<float>(4.0f).v);
  // x + x (p - 1): what is left of 1 costs p no digits.
  const Vec<float> small =
      fma(a,
          polynomial(a * a, 0.128379167062361f, -0.3761263847599033f, 0.11283782622049547f, -0.026865438309835f,
                     0.005221053410708398f, -0.0008484396524645696f, 0.00011268253708081678f, -9.673590280158701e-06f),
          a);
  const Vec<float> t = hn::Max(a.v, Vec<float>(1.0f).v);
  const Vec<float> big =
      Vec<float>(1.0f) -
      exp(polynomial(t, 0.0002640035828473941f, -1.1299219848031679f, -0.6325818030592918f, -0.1090252524933788f,
                     0.025484068069802565f, -0.004206083010621905f, 0.00037656385329182685f, 1.2279248503387937e-05f,
                     -8.218798128683827e-06f, 9.603848350542062e-07f, -4.1048537046778096e-08f));
  return select(isnan(x), x, copysign(select(a <= Vec<float>(1.0f), small, big), x));
}
HWY_INLINE Vec<double> erf(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::erf(v); });
}

// sin and cos of |x| <= kReducible through x = n pi/2 + r with pi/2 in three parts (Cody and Waite) and Taylor series
// on
// [-pi/4, pi/4].
// Beyond it the products of the reduction are no longer exact; a fused one is to begin with.
constexpr float kReducible = HWY_TARGET == HWY_SCALAR ? 8192.0f : 32768.0f;
struct SinCos {
  Vec<float> sin, cos;
  Vec<float> n;
};
HWY_INLINE SinCos sincos_reduced(Vec<float> x) {
  const Vec<float> n = round(x * Vec<float>(0.63661977236758134f));
  Vec<float> r = fma(n, Vec<float>(-1.5703125f), x);
  r = fma(n, Vec<float>(-4.837512969970703125e-4f), r);
  r = fma(n, Vec<float>(-7.54978995489188216e-8f), r);
  const Vec<float> z = r * r;
  const Vec<float> s = fma(r * z, polynomial(z, -1.0f / 6, 1.0f / 120, -1.0f / 5040, 1.0f / 362880), r);
  const Vec<float> c =
      fma(z, polynomial(z, -0.5f, 1.0f / 24, -1.0f / 720, 1.0f / 40320, -1.0f / 3628800), Vec<float>(1.0f));
  return {s, c, n};
}
// n modulo 4 selects the function and the sign; shift = 0 for sin, 1 for cos.
HWY_INLINE Vec<float> sin_or_cos(Vec<float> x, float shift) {
  const auto [s, c, n] = sincos_reduced(x);
  const Vec<float> q = n + Vec<float>(shift);
  const Vec<float> quarter = q - floor(q * Vec<float>(0.25f)) * Vec<float>(4.0f);
  const Mask<float> odd = (quarter == Vec<float>(1.0f)) | (quarter == Vec<float>(3.0f));
  const Vec<float> y = select(odd, c, s);
  return select(quarter >= Vec<float>(2.0f), -y, y);
}
HWY_INLINE Vec<float> sin(Vec<float> x) {
  if ((abs(x) > Vec<float>(kReducible)).any() || isnan(x).any()) {
    return Vec<float>::each(x, [](float v) { return static_cast<float>(std::sin(static_cast<double>(v))); });
  }
  return select(x == Vec<float>(0.0f), x, sin_or_cos(x, 0.0f));
}
HWY_INLINE Vec<float> cos(Vec<float> x) {
  if ((abs(x) > Vec<float>(kReducible)).any() || isnan(x).any()) {
    return Vec<float>::each(x, [](float v) { return static_cast<float>(std::cos(static_cast<double>(v))); });
  }
  return sin_or_cos(x, 1.0f);
}
HWY_INLINE Vec<double> sin(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::sin(v); });
}
HWY_INLINE Vec<double> cos(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::cos(v); });
}

#define HEARTH_LANES_1(name, function)                                                            \
  template <class T>                                                                              \
  HWY_INLINE Vec<T> name(Vec<T> x) {                                                              \
    return Vec<T>::each(x, [](T v) { return static_cast<T>(function(static_cast<double>(v))); }); \
  }
#define HEARTH_LANES_2(name, function)                                                                            \
  template <class T>                                                                                              \
  HWY_INLINE Vec<T> name(Vec<T> x, Vec<T> y) {                                                                    \
    return Vec<T>::each(                                                                                          \
        x, y, [](T a, T b) { return static_cast<T>(function(static_cast<double>(a), static_cast<double>(b))); }); \
  }
// f(x) in f64, which hides its errors.
template <class F>
HWY_INLINE Vec<float> in_f64(Vec<float> x, F f) {
  // HWY_SCALAR's DemoteTo makes a finite number of an infinity.
  if constexpr (HWY_TARGET == HWY_SCALAR) {
    const Vec<double> y = f(Vec<double>(static_cast<double>(hn::GetLane(x.v))));
    return Vec<float>(static_cast<float>(hn::GetLane(y.v)));
  }
  const Tag<double> wide;
  const hn::Rebind<float, Tag<double>> narrow;
  HWY_ALIGN float v[kMaxLanes<float>];
  x.store(v);
  for (size_t i = 0; i < Vec<float>::lanes(); i += hn::Lanes(wide)) {
    const Vec<double> y = f(Vec<double>(hn::PromoteTo(wide, hn::LoadU(narrow, v + i))));
    hn::StoreU(hn::DemoteTo(narrow, y.v), narrow, v + i);
  }
  return Vec<float>::load(v);
}
HWY_INLINE Vec<float> exp2(Vec<float> x) {
  return in_f64(x, [](Vec<double> v) { return exp(v * Vec<double>(0.693147180559945309417)); });
}
HWY_INLINE Vec<float> log2(Vec<float> x) {
  return in_f64(x, [](Vec<double> v) { return log(v) * Vec<double>(1.442695040888963407360); });
}
HWY_INLINE Vec<float> log10(Vec<float> x) {
  return in_f64(x, [](Vec<double> v) { return log(v) * Vec<double>(0.434294481903251827651); });
}
HWY_INLINE Vec<double> exp2(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::exp2(v); });
}
HWY_INLINE Vec<double> log2(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::log2(v); });
}
HWY_INLINE Vec<double> log10(Vec<double> x) {
  return Vec<double>::each(x, [](double v) { return std::log10(v); });
}
HEARTH_LANES_1(log1p, std::log1p)
HEARTH_LANES_1(tan, std::tan)
HEARTH_LANES_1(asin, std::asin)
HEARTH_LANES_1(acos, std::acos)
HEARTH_LANES_1(atan, std::atan)
HEARTH_LANES_1(sinh, std::sinh)
HEARTH_LANES_1(cosh, std::cosh)
HEARTH_LANES_1(asinh, std::asinh)
HEARTH_LANES_1(acosh, std::acosh)
HEARTH_LANES_1(atanh, std::atanh)
HEARTH_LANES_1(erfc, std::erfc)
HEARTH_LANES_1(erfinv, special::erfinv)
HEARTH_LANES_1(lgamma, special::lgamma)
HEARTH_LANES_1(digamma, special::digamma)
HEARTH_LANES_2(polygamma, special::polygamma)
HEARTH_LANES_2(zeta, special::zeta)
HEARTH_LANES_2(gammainc, special::gammainc)
HEARTH_LANES_2(gammaincc, special::gammaincc)
HEARTH_LANES_1(erfcx, special::erfcx)
HEARTH_LANES_1(log_ndtr, special::log_ndtr)
HEARTH_LANES_1(ndtri, special::ndtri)
HEARTH_LANES_1(i0, [](double v) { return special::bessel_i(v, 0); })
HEARTH_LANES_1(i0e, [](double v) { return special::scaled_bessel_i(v, 0); })
HEARTH_LANES_1(i1, [](double v) { return special::bessel_i(v, 1); })
HEARTH_LANES_1(i1e, [](double v) { return special::scaled_bessel_i(v, 1); })
HEARTH_LANES_2(atan2, std::atan2)
HEARTH_LANES_2(hypot, std::hypot)
HWY_INLINE Vec<int64_t> gcd(Vec<int64_t> x, Vec<int64_t> y) {
  return Vec<int64_t>::each(x, y, [](int64_t a, int64_t b) { return special::gcd(a, b); });
}
#undef HEARTH_LANES_1
#undef HEARTH_LANES_2

template <class T>
HWY_INLINE Vec<T> pow(Vec<T> x, Vec<T> y) {
  return Vec<T>::each(x, y, [](T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return special::integer_pow(a, b);
    } else {
      return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
    }
  });
}
// The rest of a division that rounds towards zero (fmod) or downwards (remainder, which has the divisor's sign).
template <class T>
HWY_INLINE Vec<T> fmod(Vec<T> x, Vec<T> y) {
  return Vec<T>::each(x, y, [](T a, T b) {
    if constexpr (std::is_integral_v<T>) return b == 0 || b == -1 ? T(0) : a % b;
    else return std::fmod(a, b);
  });
}
template <class T>
HWY_INLINE Vec<T> remainder(Vec<T> x, Vec<T> y) {
  return Vec<T>::each(x, y, [](T a, T b) { return special::floor_remainder(a, b); });
}
template <class T>
HWY_INLINE Vec<T> floor_divide(Vec<T> x, Vec<T> y) {
  return Vec<T>::each(x, y, [](T a, T b) { return special::floor_divide(a, b); });
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
