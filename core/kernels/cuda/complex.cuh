// Arithmetic of real and complex numbers under one name: float, double, float2 and double2.
#pragma once

#include <cuda_runtime.h>

#include "core/kernels/cuda/number.cuh"

namespace hearth::cuda {

template <class T>
struct Parts {
  using R = T;
  static constexpr bool kComplex = false;
  HEARTH_DEVICE static T number(R re) { return re; }
  HEARTH_DEVICE static T conj(T a) { return a; }
  HEARTH_DEVICE static T add(T a, T b) { return a + b; }
  HEARTH_DEVICE static T sub(T a, T b) { return a - b; }
  HEARTH_DEVICE static T mul(T a, T b) { return a * b; }
  HEARTH_DEVICE static T scale(T a, R by) { return a * by; }
  HEARTH_DEVICE static R real(T a) { return a; }
  HEARTH_DEVICE static R size(T a) { return a < 0 ? -a : a; }
  // a / |a|, the sign of real numbers, which may be infinite; 0 of 0.
  HEARTH_DEVICE static T direction(T a) { return a > 0 ? T(1) : a < 0 ? T(-1) : a == 0 ? T(0) : a; }
  HEARTH_DEVICE static bool finite(T a) { return a - a == 0; }
  HEARTH_DEVICE static bool zero(T a) { return a == 0; }
};

template <class T, class Real>
struct ComplexParts {
  using R = Real;
  static constexpr bool kComplex = true;
  HEARTH_DEVICE static T number(R re) { return {re, R(0)}; }
  HEARTH_DEVICE static T conj(T a) { return {a.x, -a.y}; }
  HEARTH_DEVICE static T add(T a, T b) { return {a.x + b.x, a.y + b.y}; }
  HEARTH_DEVICE static T sub(T a, T b) { return {a.x - b.x, a.y - b.y}; }
  HEARTH_DEVICE static T mul(T a, T b) { return {a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x}; }
  HEARTH_DEVICE static T scale(T a, R by) { return {a.x * by, a.y * by}; }
  HEARTH_DEVICE static R real(T a) { return a.x; }
  HEARTH_DEVICE static R size(T a) {
    return static_cast<R>(::hypot(static_cast<double>(a.x), static_cast<double>(a.y)));
  }
  HEARTH_DEVICE static T direction(T a) {
    const R s = size(a);
    return s == 0 ? T{R(0), R(0)} : T{a.x / s, a.y / s};
  }
  HEARTH_DEVICE static bool finite(T a) { return a.x - a.x == 0 && a.y - a.y == 0; }
  HEARTH_DEVICE static bool zero(T a) { return a.x == 0 && a.y == 0; }
};
template <>
struct Parts<float2> : ComplexParts<float2, float> {};
template <>
struct Parts<double2> : ComplexParts<double2, double> {};

}  // namespace hearth::cuda
