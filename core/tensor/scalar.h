// Scalar: a number that an op takes beside its tensors, or that a tensor's item() gives.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "core/tensor/default_dtype.h"
#include "core/tensor/dtype.h"

namespace hearth {

namespace detail {
[[noreturn]] void number_too_large(uint64_t v);

// Whether both are the same number: an integer that f64 does not hold equals no floating-point number.
template <class T>
constexpr bool same_number(double d, T i) {
  constexpr double kEnd = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
  return d == static_cast<double>(i) && d < kEnd && static_cast<T>(d) == i;
}
}  // namespace detail

/// A number: a bool, an integer (kept as i64) or a floating-point number (kept as f64). It keeps its kind, because the
/// kind takes part in dtype promotion.
class Scalar {
 public:
  /// The integer 0.
  constexpr Scalar() : i_(0), kind_(DTypeKind::kInt) {}
  /// A bool.
  constexpr Scalar(bool v) : i_(v), kind_(DTypeKind::kBool) {}
  /// An integer. Throws Error for an unsigned number that i64 cannot hold.
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) constexpr Scalar(T v)
      : i_(static_cast<int64_t>(v)), kind_(DTypeKind::kInt) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(int64_t)) {
      if (i_ < 0) detail::number_too_large(v);
    }
  }
  /// A floating-point number.
  template <class T>
  requires std::is_floating_point_v<T>
  constexpr Scalar(T v) : d_(static_cast<double>(v)), kind_(DTypeKind::kFloat) {}

  /// Whether the number is a bool, an integer or a floating-point number.
  constexpr DTypeKind kind() const { return kind_; }
  /// The number as a T, converted as hearth::convert() does.
  template <class T>
  constexpr T to() const {
    return kind_ == DTypeKind::kFloat ? convert<T>(d_) : convert<T>(i_);
  }
  /// Converts as to<T>(): `float v = loss.item();`.
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr operator T() const { return to<T>(); }
  /// The dtype of a 0-dimensional tensor made of the number: bool, i64 or default_dtype().
  DType dtype() const {
    return kind_ == DTypeKind::kBool ? DType::kBool : kind_ == DTypeKind::kInt ? DType::kI64 : default_dtype();
  }
  /// Compares with a C++ number by value, whatever the kinds: `Scalar(3) == 3.0` is true.
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr bool operator==(const Scalar& a, T b) {
    using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                    std::conditional_t<std::is_unsigned_v<T>, uint64_t, int64_t>>;
    const Wide w = static_cast<Wide>(b);
    if constexpr (std::is_floating_point_v<T>) {
      return a.kind_ == DTypeKind::kFloat ? a.d_ == w : detail::same_number(w, a.i_);
    } else {
      return a.kind_ == DTypeKind::kFloat ? detail::same_number(a.d_, w) : std::cmp_equal(a.i_, w);
    }
  }
  /// True if kind and value are equal: `Scalar(3) == Scalar(3.0)` is false.
  friend constexpr bool operator==(const Scalar& a, const Scalar& b) {
    return a.kind_ == b.kind_ && (a.kind_ == DTypeKind::kFloat ? a.d_ == b.d_ : a.i_ == b.i_);
  }

 private:
  union {
    int64_t i_;
    double d_;
  };
  DTypeKind kind_;
};

/// The number as text: "true", "3", "0.5". Floating-point numbers are written with as few digits as identify them.
std::string to_string(const Scalar& s);

/// True if a tensor of this dtype can hold the number, rounded or truncated to an integer where needed. As in PyTorch,
/// u8 takes negative numbers above -256, which wrap around, and bool takes any number. Floating-point dtypes take
/// infinities and NaN.
bool fits(const Scalar& s, DType t);

}  // namespace hearth
