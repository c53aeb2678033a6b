// Element types, their traits, and the promotion table.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/tensor/half.h"

namespace hearth {

/// The type of a tensor's elements.
enum class DType : uint8_t {
  kBool,  ///< false or true, in one byte that is 0 or 1.
  kU8,    ///< Unsigned integer of 8 bits.
  kI8,    ///< Signed integer of 8 bits.
  kI16,   ///< Signed integer of 16 bits.
  kI32,   ///< Signed integer of 32 bits.
  kI64,   ///< Signed integer of 64 bits.
  kF16,   ///< IEEE 754 binary16: 5 bits of exponent, 10 of mantissa.
  kBF16,  ///< bfloat16: 8 bits of exponent, 7 of mantissa.
  kF32,   ///< IEEE 754 binary32.
  kF64,   ///< IEEE 754 binary64.
  kC64,   ///< Complex number: two f32, the real part first.
  kC128,  ///< Complex number: two f64, the real part first.
};
/// The number of dtypes.
constexpr int kDTypes = 12;

/// Short name of DType::kBool.
constexpr DType boolean = DType::kBool;
/// Short name of DType::kU8.
constexpr DType u8 = DType::kU8;
/// Short name of DType::kI8.
constexpr DType i8 = DType::kI8;
/// Short name of DType::kI16.
constexpr DType i16 = DType::kI16;
/// Short name of DType::kI32.
constexpr DType i32 = DType::kI32;
/// Short name of DType::kI64.
constexpr DType i64 = DType::kI64;
/// Short name of DType::kF16.
constexpr DType f16 = DType::kF16;
/// Short name of DType::kBF16.
constexpr DType bf16 = DType::kBF16;
/// Short name of DType::kF32.
constexpr DType f32 = DType::kF32;
/// Short name of DType::kF64.
constexpr DType f64 = DType::kF64;
/// Short name of DType::kC64.
constexpr DType c64 = DType::kC64;
/// Short name of DType::kC128.
constexpr DType c128 = DType::kC128;

/// The kinds of dtypes. Where two dtypes meet, the later kind wins.
enum class DTypeKind : uint8_t {
  kBool,     ///< bool
  kInt,      ///< u8, i8, i16, i32, i64
  kFloat,    ///< f16, bf16, f32, f64
  kComplex,  ///< c64, c128
};

/// The properties of a dtype.
struct DTypeTraits {
  const char* name;        ///< Hearth's name: "f32".
  const char* torch_name;  ///< The name in PyTorch and NumPy: "float32".
  uint8_t size;            ///< Bytes of one element.
  DTypeKind kind;          ///< Whether it holds bools, integers, floating-point or complex numbers.
  DType compute;           ///< The dtype that kernels calculate in: f32, f64, i64, c64 or c128.
  double max;  ///< The largest finite number, of complex dtypes the largest part. Of i64 2^63, one too many.
};

/// The properties of all dtypes, in the order of DType.
constexpr std::array<DTypeTraits, kDTypes> kDTypeTraits = {{
    {"bool", "bool", 1, DTypeKind::kBool, DType::kI64, 1},
    {"u8", "uint8", 1, DTypeKind::kInt, DType::kI64, 0xffp0},
    {"i8", "int8", 1, DTypeKind::kInt, DType::kI64, 0x7fp0},
    {"i16", "int16", 2, DTypeKind::kInt, DType::kI64, 0x7fffp0},
    {"i32", "int32", 4, DTypeKind::kInt, DType::kI64, 0x7fffffffp0},
    {"i64", "int64", 8, DTypeKind::kInt, DType::kI64, 0x1p63},
    {"f16", "float16", 2, DTypeKind::kFloat, DType::kF32, 0x1.ffcp15},
    {"bf16", "bfloat16", 2, DTypeKind::kFloat, DType::kF32, 0x1.fep127},
    {"f32", "float32", 4, DTypeKind::kFloat, DType::kF32, 0x1.fffffep127},
    {"f64", "float64", 8, DTypeKind::kFloat, DType::kF64, 0x1.fffffffffffffp1023},
    {"c64", "complex64", 8, DTypeKind::kComplex, DType::kC64, 0x1.fffffep127},
    {"c128", "complex128", 16, DTypeKind::kComplex, DType::kC128, 0x1.fffffffffffffp1023},
}};

/// The properties of a dtype.
constexpr const DTypeTraits& traits(DType t) { return kDTypeTraits[static_cast<size_t>(t)]; }
/// Bytes of one element.
constexpr size_t size_of(DType t) { return traits(t).size; }
/// True for f16, bf16, f32 and f64.
constexpr bool is_floating_point(DType t) { return traits(t).kind == DTypeKind::kFloat; }
/// True for c64 and c128.
constexpr bool is_complex(DType t) { return traits(t).kind == DTypeKind::kComplex; }
/// True for floating-point and complex dtypes: those of tensors that have gradients.
constexpr bool is_differentiable(DType t) { return traits(t).kind >= DTypeKind::kFloat; }
/// True for u8, i8, i16, i32 and i64; false for bool.
constexpr bool is_integral(DType t) { return traits(t).kind == DTypeKind::kInt; }
/// The dtype that kernels calculate in: f32 for f16, bf16 and f32; f64 for f64; i64 for integers and bool; c64 and c128
/// for themselves.
constexpr DType compute_type(DType t) { return traits(t).compute; }
/// The dtype of the real part: f32 for c64, f64 for c128, other dtypes as they are.
constexpr DType real_type(DType t) { return t == DType::kC64 ? DType::kF32 : t == DType::kC128 ? DType::kF64 : t; }
/// The complex dtype that holds values of the dtype: c128 for f64 and c128, c64 for all others.
constexpr DType complex_type(DType t) { return t == DType::kF64 || t == DType::kC128 ? DType::kC128 : DType::kC64; }

/// The short name of a dtype: "f32".
std::string to_string(DType t);
/// The dtype of this name, short ("f32") or as in PyTorch ("float32"). Throws Error for any other text.
DType parse_dtype(std::string_view name);

/// The dtype in which values of two dtypes meet, as torch.promote_types gives it. The higher kind wins (bool < integers
/// < floating point < complex); within a kind the larger size. u8 with a signed integer gives the smallest signed dtype
/// that holds both, f16 with bf16 gives f32, and f64 with c64 gives c128.
DType promote(DType a, DType b);
/// Whether an in-place operation may write values of `from` into a tensor of `to`, as torch.can_cast has it: not of a
/// higher kind (bool < integers < floating point < complex). to() converts between any two dtypes.
constexpr bool can_cast(DType from, DType to) { return traits(from).kind <= traits(to).kind; }

/// A set of dtypes. An op states the dtypes that it takes as one.
class DTypeSet {
 public:
  /// The empty set.
  constexpr DTypeSet() = default;
  /// The set of the given dtypes: DTypeSet{f32, f64}.
  template <class... T>
  constexpr explicit DTypeSet(T... t) : bits_(static_cast<uint16_t>((0u | ... | (1u << static_cast<int>(t))))) {}
  /// True if the dtype is in the set.
  constexpr bool contains(DType t) const { return bits_ >> static_cast<int>(t) & 1; }
  /// The union of two sets.
  friend constexpr DTypeSet operator|(DTypeSet a, DTypeSet b) {
    DTypeSet r;
    r.bits_ = static_cast<uint16_t>(a.bits_ | b.bits_);
    return r;
  }
  friend constexpr bool operator==(DTypeSet, DTypeSet) = default;

 private:
  uint16_t bits_ = 0;
};
/// The names of the dtypes in the set, in the order of DType: "f32, f64". An empty set gives "none".
std::string to_string(DTypeSet set);

/// f16, bf16, f32 and f64.
constexpr DTypeSet kFloatTypes{f16, bf16, f32, f64};
/// u8, i8, i16, i32 and i64.
constexpr DTypeSet kIntTypes{u8, i8, i16, i32, i64};
/// All dtypes but bool.
constexpr DTypeSet kNumberTypes = kFloatTypes | kIntTypes;
/// Integers and bool.
constexpr DTypeSet kIntAndBoolTypes = kIntTypes | DTypeSet{boolean};
/// All dtypes but the complex ones.
constexpr DTypeSet kAllTypes = kNumberTypes | DTypeSet{boolean};
/// c64 and c128.
constexpr DTypeSet kComplexTypes{c64, c128};

/// The C++ type of a dtype's elements, as the member `Type`: CppTypeOf<DType::kF32>::Type is float.
template <DType>
struct CppTypeOf;
/// The dtype of a C++ type, as the member `value`. See dtype_of.
template <class T>
struct DTypeOf;
/// @cond
#define HEARTH_DTYPE(dtype, type)                \
  template <>                                    \
  struct CppTypeOf<DType::dtype> {               \
    using Type = type;                           \
  };                                             \
  template <>                                    \
  struct DTypeOf<type> {                         \
    static constexpr DType value = DType::dtype; \
  };
HEARTH_DTYPE(kBool, bool)
HEARTH_DTYPE(kU8, uint8_t)
HEARTH_DTYPE(kI8, int8_t)
HEARTH_DTYPE(kI16, int16_t)
HEARTH_DTYPE(kI32, int32_t)
HEARTH_DTYPE(kI64, int64_t)
HEARTH_DTYPE(kF16, Half)
HEARTH_DTYPE(kBF16, BFloat16)
HEARTH_DTYPE(kF32, float)
HEARTH_DTYPE(kF64, double)
HEARTH_DTYPE(kC64, std::complex<float>)
HEARTH_DTYPE(kC128, std::complex<double>)
#undef HEARTH_DTYPE
/// @endcond
/// The dtype whose elements have the C++ type T: dtype_of<float> is f32. Does not compile for other types.
template <class T>
constexpr DType dtype_of = DTypeOf<T>::value;

/// True for std::complex<float> and std::complex<double>.
template <class T>
constexpr bool is_complex_number = false;
/// True.
template <class T>
constexpr bool is_complex_number<std::complex<T>> = true;

namespace detail {
[[noreturn]] void complex_is_not_taken(DType t);
}

/// Calls `f.template operator()<T>()` with the C++ type T of the dtype and returns its result. Throws
/// Error(kUnsupported) for complex dtypes, of which most code has no meaning; visit_any() takes them too.
///
///   visit(x.dtype(), [&]<class T>() { use(x.data<T>()); });
template <class F>
decltype(auto) visit(DType t, F&& f) {
  switch (t) {
    case DType::kBool:
      return f.template operator()<bool>();
    case DType::kU8:
      return f.template operator()<uint8_t>();
    case DType::kI8:
      return f.template operator()<int8_t>();
    case DType::kI16:
      return f.template operator()<int16_t>();
    case DType::kI32:
      return f.template operator()<int32_t>();
    case DType::kI64:
      return f.template operator()<int64_t>();
    case DType::kF16:
      return f.template operator()<Half>();
    case DType::kBF16:
      return f.template operator()<BFloat16>();
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kF64:
      return f.template operator()<double>();
    case DType::kC64:
    case DType::kC128:
      break;
  }
  detail::complex_is_not_taken(t);
}

/// As visit(), with complex dtypes: T is std::complex<float> or std::complex<double> for them.
template <class F>
decltype(auto) visit_any(DType t, F&& f) {
  if (t == DType::kC64) return f.template operator()<std::complex<float>>();
  if (t == DType::kC128) return f.template operator()<std::complex<double>>();
  return visit(t, std::forward<F>(f));
}

/// Converts a value from one element type to another. Floating point to integer truncates towards zero; a value that
/// i64 cannot hold, or NaN, becomes the minimum of i64, and a narrower type keeps the low bits. Conversion to bool
/// gives `v != 0`. Conversion to f16 and bf16 goes through f32 and rounds to nearest, ties to even. Of a complex number
/// a real one is the real part, and bool whether either part differs from 0.
template <class To, class From>
constexpr To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (is_complex_number<To> && is_complex_number<From>) {
    return To(convert<typename To::value_type>(v.real()), convert<typename To::value_type>(v.imag()));
  } else if constexpr (is_complex_number<To>) {
    return To(convert<typename To::value_type>(v), 0);
  } else if constexpr (is_complex_number<From>) {
    if constexpr (std::is_same_v<To, bool>) return v != From(0);
    else return convert<To>(v.real());
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
    return convert<To>(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Through i64 so that narrow types wrap the same way on every target; out of range and NaN give the minimum of i64.
    if (!(v >= From(-9223372036854775808.0) && v < From(9223372036854775808.0))) {
      return static_cast<To>(INT64_MIN);
    }
    return static_cast<To>(static_cast<int64_t>(v));
  } else {
    return static_cast<To>(v);
  }
}

}  // namespace hearth
