// A number that an op takes beside its tensors; it keeps its kind, which decides promotion.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "core/tensor/dtype.h"

namespace hearth {

namespace detail {
[[noreturn]] void number_too_large(uint64_t v);
}

class Scalar {
 public:
  constexpr Scalar() : i_(0), kind_(DTypeKind::kInt) {}
  constexpr Scalar(bool v) : i_(v), kind_(DTypeKind::kBool) {}
  // Throws Error for an unsigned number that i64 cannot hold.
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) constexpr Scalar(T v)
      : i_(static_cast<int64_t>(v)), kind_(DTypeKind::kInt) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(int64_t)) {
      if (i_ < 0) detail::number_too_large(v);
    }
  }
  template <class T>
  requires std::is_floating_point_v<T>
  constexpr Scalar(T v) : d_(static_cast<double>(v)), kind_(DTypeKind::kFloat) {}

  constexpr DTypeKind kind() const { return kind_; }
  template <class T>
  constexpr T to() const {
    return kind_ == DTypeKind::kFloat ? convert<T>(d_) : convert<T>(i_);
  }
  // float v = loss.item(). Converts as to<T>().
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr operator T() const { return to<T>(); }
  // The dtype of a 0-dim tensor made from it: bool, i64 or the default float.
  constexpr DType dtype() const {
    return kind_ == DTypeKind::kBool ? DType::kBool : kind_ == DTypeKind::kInt ? DType::kI64 : kDefaultFloat;
  }
  // loss.item() == 3. By value, as C++ compares numbers: 3 == 3.0.
  template <class T>
  requires std::is_arithmetic_v<T>
  friend constexpr bool operator==(const Scalar& a, T b) {
    if (a.kind_ == DTypeKind::kFloat || std::is_floating_point_v<T>) return a.to<double>() == static_cast<double>(b);
    if constexpr (std::is_unsigned_v<T>) return a.i_ >= 0 && static_cast<uint64_t>(a.i_) == static_cast<uint64_t>(b);
    else return a.i_ == static_cast<int64_t>(b);
  }
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

std::string to_string(const Scalar& s);

// True if a tensor of this dtype can hold the number, perhaps rounded or cut to an integer. As in PyTorch an unsigned
// dtype takes small negative numbers, which wrap around, and bool takes anything.
bool fits(const Scalar& s, DType t);

}  // namespace hearth
