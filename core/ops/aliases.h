/// The second names that PyTorch has for some functions, as NumPy has them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "core/ops/arithmetic.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/math.h"
#include "core/ops/stacking.h"
#include "core/ops/view.h"
#include "core/tensor/tensor.h"

namespace hearth {

inline Tensor absolute(const Tensor& x) { return abs(x); }   ///< abs().
inline Tensor arccos(const Tensor& x) { return acos(x); }    ///< acos().
inline Tensor arccosh(const Tensor& x) { return acosh(x); }  ///< acosh().
inline Tensor arcsin(const Tensor& x) { return asin(x); }    ///< asin().
inline Tensor arcsinh(const Tensor& x) { return asinh(x); }  ///< asinh().
inline Tensor arctan(const Tensor& x) { return atan(x); }    ///< atan().
inline Tensor arctanh(const Tensor& x) { return atanh(x); }  ///< atanh().
inline Tensor fix(const Tensor& x) { return trunc(x); }      ///< trunc().
inline Tensor negative(const Tensor& x) { return neg(x); }   ///< neg().

/// atan2(), of tensors and numbers.
template <class A, class B>
Tensor arctan2(const A& a, const B& b) {
  return atan2(a, b);
}
/// gt(), of tensors and numbers.
template <class A, class B>
Tensor greater(const A& a, const B& b) {
  return gt(a, b);
}
/// ge(), of tensors and numbers.
template <class A, class B>
Tensor greater_equal(const A& a, const B& b) {
  return ge(a, b);
}
/// lt(), of tensors and numbers.
template <class A, class B>
Tensor less(const A& a, const B& b) {
  return lt(a, b);
}
/// le(), of tensors and numbers.
template <class A, class B>
Tensor less_equal(const A& a, const B& b) {
  return le(a, b);
}
/// ne(), of tensors and numbers.
template <class A, class B>
Tensor not_equal(const A& a, const B& b) {
  return ne(a, b);
}
/// mul(), of tensors and numbers.
template <class A, class B>
Tensor multiply(const A& a, const B& b) {
  return mul(a, b);
}
/// sub(), of tensors and numbers.
template <class A, class B>
Tensor subtract(const A& a, const B& b) {
  return sub(a, b);
}
/// div(), of tensors and numbers.
template <class A, class B>
Tensor divide(const A& a, const B& b) {
  return div(a, b);
}
/// div(), rounded: see there.
template <class A, class B, class Rounding>
Tensor divide(const A& a, const B& b, Rounding rounding) {
  return div(a, b, rounding);
}

inline Tensor concatenate(std::span<const Tensor> tensors, int64_t d = 0) { return cat(tensors, d); }        ///< cat().
inline Tensor concatenate(std::initializer_list<Tensor> tensors, int64_t d = 0) { return cat(tensors, d); }  ///< cat().
inline Tensor row_stack(std::span<const Tensor> tensors) { return vstack(tensors); }          ///< vstack().
inline Tensor row_stack(std::initializer_list<Tensor> tensors) { return vstack(tensors); }    ///< vstack().
inline Tensor swapdims(const Tensor& x, int64_t a, int64_t b) { return transpose(x, a, b); }  ///< transpose().
inline Tensor adjoint(const Tensor& x) { return x.mH(); }    ///< The conjugate of the transposed matrices.
inline Tensor ravel(const Tensor& x) { return flatten(x); }  ///< flatten(): 1-D, a view where it can be one.

}  // namespace hearth
