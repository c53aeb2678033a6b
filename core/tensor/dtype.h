// Element types, their traits, and the promotion table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/tensor/half.h"

namespace hearth {

enum class DType : uint8_t { kBool, kU8, kI8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64 };
constexpr int kDTypes = 10;

// Short names: hearth::f32, hearth::i64, …
constexpr DType boolean = DType::kBool, u8 = DType::kU8, i8 = DType::kI8, i16 = DType::kI16, i32 = DType::kI32,
                i64 = DType::kI64, f16 = DType::kF16, bf16 = DType::kBF16, f32 = DType::kF32, f64 = DType::kF64;

enum class DTypeKind : uint8_t { kBool, kInt, kFloat };

struct DTypeTraits {
  const char* name;        // "f32"
  const char* torch_name;  // "float32", as PyTorch and NumPy call it
  uint8_t size;            // bytes
  DTypeKind kind;
  DType compute;  // the type kernels calculate in: f32, f64 or i64
};

constexpr std::array<DTypeTraits, kDTypes> kDTypeTraits = {{
    {"bool", "bool", 1, DTypeKind::kBool, DType::kI64},
    {"u8", "uint8", 1, DTypeKind::kInt, DType::kI64},
    {"i8", "int8", 1, DTypeKind::kInt, DType::kI64},
    {"i16", "int16", 2, DTypeKind::kInt, DType::kI64},
    {"i32", "int32", 4, DTypeKind::kInt, DType::kI64},
    {"i64", "int64", 8, DTypeKind::kInt, DType::kI64},
    {"f16", "float16", 2, DTypeKind::kFloat, DType::kF32},
    {"bf16", "bfloat16", 2, DTypeKind::kFloat, DType::kF32},
    {"f32", "float32", 4, DTypeKind::kFloat, DType::kF32},
    {"f64", "float64", 8, DTypeKind::kFloat, DType::kF64},
}};

constexpr const DTypeTraits& traits(DType t) { return kDTypeTraits[static_cast<size_t>(t)]; }
constexpr size_t size_of(DType t) { return traits(t).size; }
constexpr bool is_floating_point(DType t) { return traits(t).kind == DTypeKind::kFloat; }
constexpr bool is_integral(DType t) { return traits(t).kind == DTypeKind::kInt; }
constexpr DType compute_type(DType t) { return traits(t).compute; }

std::string to_string(DType t);
// Accepts both names of a dtype ("f32", "float32"). Throws Error on anything else.
DType parse_dtype(std::string_view name);

// The dtype in which values of two dtypes meet, as in PyTorch: bool < integers < floats; u8 with a signed integer gives
// the next signed one that holds both; f16 with bf16 gives f32.
DType promote(DType a, DType b);

// The dtype that creation functions use for floating-point values: f32.
constexpr DType kDefaultFloat = DType::kF32;

// A set of dtypes, as an op states them.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  template <class... T>
  constexpr explicit DTypeSet(T... t) : bits_(static_cast<uint16_t>((0u | ... | (1u << static_cast<int>(t))))) {}
  constexpr bool contains(DType t) const { return bits_ >> static_cast<int>(t) & 1; }
  friend constexpr DTypeSet operator|(DTypeSet a, DTypeSet b) {
    DTypeSet r;
    r.bits_ = static_cast<uint16_t>(a.bits_ | b.bits_);
    return r;
  }
  friend constexpr bool operator==(DTypeSet, DTypeSet) = default;

 private:
  uint16_t bits_ = 0;
};
std::string to_string(DTypeSet set);

constexpr DTypeSet kFloatTypes{f16, bf16, f32, f64};
constexpr DTypeSet kIntTypes{u8, i8, i16, i32, i64};
constexpr DTypeSet kNumberTypes = kFloatTypes | kIntTypes;
constexpr DTypeSet kIntAndBoolTypes = kIntTypes | DTypeSet{boolean};
constexpr DTypeSet kAllTypes = kNumberTypes | DTypeSet{boolean};

// The C++ type of a dtype, and back.
template <DType>
struct CppTypeOf;
template <class T>
struct DTypeOf;
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
#undef HEARTH_DTYPE
template <class T>
constexpr DType dtype_of = DTypeOf<T>::value;

// Calls f.template operator()<T>() with the C++ type of `t`: visit(t, [&]<class T>() { … }).
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
  }
  __builtin_unreachable();
}

// Value conversion between element types, as PyTorch casts: float to integer truncates towards zero, to bool tests !=
// 0.
template <class To, class From>
constexpr To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
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
