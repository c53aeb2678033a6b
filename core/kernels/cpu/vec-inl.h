// Vec<T>: a full SIMD register of float, double or int64_t with ordinary operators, so that an op's functor is written
// once for every target. Included again for each target: see hwy/foreach_target.h.
#if defined(HEARTH_KERNELS_CPU_VEC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEARTH_KERNELS_CPU_VEC_INL_H_
#undef HEARTH_KERNELS_CPU_VEC_INL_H_
#else
#define HEARTH_KERNELS_CPU_VEC_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace hearth::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
constexpr size_t kMaxLanes = HWY_MAX_BYTES / sizeof(T);

template <class T>
struct Mask {
  hn::Mask<Tag<T>> m;
  friend HWY_INLINE Mask operator&(Mask a, Mask b) { return {hn::And(a.m, b.m)}; }
  friend HWY_INLINE Mask operator|(Mask a, Mask b) { return {hn::Or(a.m, b.m)}; }
  friend HWY_INLINE Mask operator^(Mask a, Mask b) { return {hn::Xor(a.m, b.m)}; }
  HWY_INLINE Mask operator!() const { return {hn::Not(m)}; }
  HWY_INLINE bool any() const { return !hn::AllFalse(Tag<T>(), m); }
};

template <class T>
struct Vec {
  using Lane = T;
  using V = hn::Vec<Tag<T>>;
  V v;

  HWY_INLINE Vec() : v(hn::Zero(Tag<T>())) {}
  HWY_INLINE Vec(V x) : v(x) {}
  HWY_INLINE Vec(T x) : v(hn::Set(Tag<T>(), x)) {}
  // Numbers of another type in a functor: V(0.5) in code that also runs on i64.
  template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, T>) HWY_INLINE Vec(U x)
      : v(hn::Set(Tag<T>(), static_cast<T>(x))) {}

  static HWY_INLINE size_t lanes() { return hn::Lanes(Tag<T>()); }
  static HWY_INLINE Vec load(const T* p) { return hn::LoadU(Tag<T>(), p); }
  HWY_INLINE void store(T* p) const { hn::StoreU(v, Tag<T>(), p); }

  friend HWY_INLINE Vec operator+(Vec a, Vec b) { return hn::Add(a.v, b.v); }
  friend HWY_INLINE Vec operator-(Vec a, Vec b) { return hn::Sub(a.v, b.v); }
  friend HWY_INLINE Vec operator*(Vec a, Vec b) {
    if constexpr (std::is_same_v<T, int64_t>) {
      return each(a, b, [](T x, T y) { return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y)); });
    } else {
      return hn::Mul(a.v, b.v);
    }
  }
  friend HWY_INLINE Vec operator/(Vec a, Vec b) {
    if constexpr (std::is_same_v<T, int64_t>) {
      return each(a, b, [](T x, T y) {
        return y == 0 ? 0 : y == -1 ? static_cast<T>(0u - static_cast<uint64_t>(x)) : x / y;
      });
    } else {
      return hn::Div(a.v, b.v);
    }
  }
  HWY_INLINE Vec operator-() const {
    if constexpr (std::is_floating_point_v<T>) {
      return hn::Xor(v, hn::Set(Tag<T>(), T(-0.0)));
    } else {
      return hn::Sub(hn::Zero(Tag<T>()), v);
    }
  }
  friend HWY_INLINE Vec operator&(Vec a, Vec b) { return hn::And(a.v, b.v); }
  friend HWY_INLINE Vec operator|(Vec a, Vec b) { return hn::Or(a.v, b.v); }
  friend HWY_INLINE Vec operator^(Vec a, Vec b) { return hn::Xor(a.v, b.v); }
  friend HWY_INLINE Mask<T> operator==(Vec a, Vec b) { return {hn::Eq(a.v, b.v)}; }
  friend HWY_INLINE Mask<T> operator!=(Vec a, Vec b) { return !(a == b); }  // hn::Ne denies that NaN differs
  friend HWY_INLINE Mask<T> operator<(Vec a, Vec b) { return {hn::Lt(a.v, b.v)}; }
  friend HWY_INLINE Mask<T> operator<=(Vec a, Vec b) {
    if constexpr (std::is_integral_v<T>) return !(a > b);
    else return {hn::Le(a.v, b.v)};
  }
  friend HWY_INLINE Mask<T> operator>(Vec a, Vec b) { return {hn::Gt(a.v, b.v)}; }
  friend HWY_INLINE Mask<T> operator>=(Vec a, Vec b) {
    if constexpr (std::is_integral_v<T>) return !(a < b);
    else return {hn::Ge(a.v, b.v)};
  }

  // f of each lane, one at a time: for what has no vector form or is rare.
  template <class F>
  static HWY_INLINE Vec each(Vec a, F f) {
    HWY_ALIGN T x[kMaxLanes<T>];
    hn::Store(a.v, Tag<T>(), x);
    for (size_t i = 0; i < lanes(); ++i) x[i] = f(x[i]);
    return hn::Load(Tag<T>(), x);
  }
  template <class F>
  static HWY_INLINE Vec each(Vec a, Vec b, F f) {
    HWY_ALIGN T x[kMaxLanes<T>];
    HWY_ALIGN T y[kMaxLanes<T>];
    hn::Store(a.v, Tag<T>(), x);
    hn::Store(b.v, Tag<T>(), y);
    for (size_t i = 0; i < lanes(); ++i) x[i] = f(x[i], y[i]);
    return hn::Load(Tag<T>(), x);
  }
};

template <class T>
HWY_INLINE Vec<T> select(Mask<T> m, Vec<T> yes, Vec<T> no) {
  return hn::IfThenElse(m.m, yes.v, no.v);
}
// 1 where the mask is set, else 0.
template <class T>
HWY_INLINE Vec<T> ones(Mask<T> m) {
  return hn::IfThenElseZero(m.m, hn::Set(Tag<T>(), T(1)));
}
template <class T>
HWY_INLINE Mask<T> nonzero(Vec<T> a) {
  return a != Vec<T>(T(0));
}
template <class T>
HWY_INLINE Mask<T> isnan(Vec<T> a) {
  return a != a;
}
// a * b + c, rounded once where the CPU can.
template <class T>
HWY_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return hn::MulAdd(a.v, b.v, c.v);
}
template <class T>
HWY_INLINE Vec<T> abs(Vec<T> a) {
  return hn::Abs(a.v);
}
template <class T>
HWY_INLINE Vec<T> sqrt(Vec<T> a) {
  return hn::Sqrt(a.v);
}
// A rounded value keeps its sign where it becomes 0, which HWY_SCALAR's functions forget.
template <class T>
HWY_INLINE Vec<T> with_sign_of(Vec<T> rounded, Vec<T> a) {
  if constexpr (HWY_TARGET == HWY_SCALAR) return hn::CopySign(rounded.v, a.v);
  else return rounded;
}
template <class T>
HWY_INLINE Vec<T> floor(Vec<T> a) {
  if constexpr (std::is_integral_v<T>) return a;
  else return with_sign_of<T>(hn::Floor(a.v), a);
}
template <class T>
HWY_INLINE Vec<T> ceil(Vec<T> a) {
  if constexpr (std::is_integral_v<T>) return a;
  else return with_sign_of<T>(hn::Ceil(a.v), a);
}
template <class T>
HWY_INLINE Vec<T> trunc(Vec<T> a) {
  if constexpr (std::is_integral_v<T>) return a;
  else return with_sign_of<T>(hn::Trunc(a.v), a);
}
// To the nearest integer, ties to even.
template <class T>
HWY_INLINE Vec<T> round(Vec<T> a) {
  if constexpr (std::is_integral_v<T>) return a;
  else return with_sign_of<T>(hn::Round(a.v), a);
}
// The larger or smaller; NaN if either is NaN.
template <class T>
HWY_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
  if constexpr (std::is_floating_point_v<T>) {
    return select(isnan(a), a, select(isnan(b), b, Vec<T>(hn::Max(a.v, b.v))));
  } else {
    return select(a > b, a, b);
  }
}
template <class T>
HWY_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
  if constexpr (std::is_floating_point_v<T>) {
    return select(isnan(a), a, select(isnan(b), b, Vec<T>(hn::Min(a.v, b.v))));
  } else {
    return select(a < b, a, b);
  }
}
// |a| with the sign of s.
template <class T>
HWY_INLINE Vec<T> copysign(Vec<T> a, Vec<T> s) {
  return hn::CopySign(a.v, s.v);
}

// The sum of a register's lanes, from first to last.
template <class T>
HWY_INLINE T sum_of_lanes(Vec<T> v) {
  HWY_ALIGN T x[kMaxLanes<T>];
  v.store(x);
  T s = 0;
  for (size_t i = 0; i < Vec<T>::lanes(); ++i) s += x[i];
  return s;
}

}  // namespace hearth::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
