// Attributes of ops: plain aggregates that list their fields once.
//
//   struct SoftmaxAttrs {
//     int64_t dim = -1;
//     static constexpr auto fields() { return std::make_tuple(field("dim", &SoftmaxAttrs::dim)); }
//     bool operator==(const SoftmaxAttrs&) const = default;
//   };
//
// From fields() come copying into a node, equality, hashing, JSON and printing. A field is a bool, int64_t, double,
// DType, Device, MemoryFormat, Scalar, Dims, std::string, std::optional of int64_t, double or DType, or an enumeration
// that has `constexpr std::span<const char* const> enum_names(E)`, found by argument-dependent lookup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/device/device.h"
#include "core/tensor/dtype.h"
#include "core/tensor/layout.h"
#include "core/tensor/scalar.h"
#include "core/tensor/shape.h"

namespace hearth {

/// Is given every field of an attribute record, by reference: a reader looks at it, a writer assigns to it.
class FieldVisitor {
 public:
  /// A bool.
  virtual void field(const char* name, bool& v) = 0;
  /// An integer.
  virtual void field(const char* name, int64_t& v) = 0;
  /// A floating-point number.
  virtual void field(const char* name, double& v) = 0;
  /// A dtype.
  virtual void field(const char* name, DType& v) = 0;
  /// A device.
  virtual void field(const char* name, Device& v) = 0;
  /// A memory format.
  virtual void field(const char* name, MemoryFormat& v) = 0;
  /// A number of any kind.
  virtual void field(const char* name, Scalar& v) = 0;
  /// A list of integers.
  virtual void field(const char* name, Dims& v) = 0;
  /// A text.
  virtual void field(const char* name, std::string& v) = 0;
  /// An integer or nothing.
  virtual void field(const char* name, std::optional<int64_t>& v) = 0;
  /// A floating-point number or nothing.
  virtual void field(const char* name, std::optional<double>& v) = 0;
  /// A dtype or nothing.
  virtual void field(const char* name, std::optional<DType>& v) = 0;
  /// An enumeration, as an index into `names`.
  virtual void choice(const char* name, int& index, std::span<const char* const> names) = 0;

 protected:
  ~FieldVisitor() = default;
};

/// A field of an attribute record, for its fields(): `field("dim", &SoftmaxAttrs::dim)`.
template <class C, class T>
constexpr std::pair<const char*, T C::*> field(const char* name, T C::*member) {
  return {name, member};
}

/// What can be done with an attribute record whose type is only known at run time.
struct AttrsType {
  uint16_t size;                                ///< sizeof the record.
  uint16_t align;                               ///< alignof the record.
  void (*construct)(void* at);                  ///< Makes a record with default values.
  void (*copy)(void* at, const void* from);     ///< Makes a copy of a record.
  void (*destroy)(void* at);                    ///< Calls the destructor.
  bool (*equal)(const void* a, const void* b);  ///< Compares two records.
  void (*visit)(void* attrs, FieldVisitor& v);  ///< Shows every field to the visitor.
};

namespace detail {
template <class A>
void visit_attrs(void* p, FieldVisitor& v) {
  A& a = *static_cast<A*>(p);
  std::apply(
      [&](auto... f) {
        [[maybe_unused]] auto one = [&](const char* name, auto& value) {
          if constexpr (requires { v.field(name, value); } &&
                        !std::is_enum_v<std::remove_reference_t<decltype(value)>>) {
            v.field(name, value);
          } else if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, DType> ||
                               std::is_same_v<std::remove_reference_t<decltype(value)>, MemoryFormat>) {
            v.field(name, value);
          } else {
            int index = static_cast<int>(value);
            v.choice(name, index, enum_names(value));
            value = static_cast<std::remove_reference_t<decltype(value)>>(index);
          }
        };
        (one(f.first, a.*f.second), ...);
      },
      A::fields());
}
}  // namespace detail

/// The type of the attribute record A, for OpDef::attrs.
//
// inline: one address in the whole program.
template <class A>
inline constexpr AttrsType attrs_type = {
    sizeof(A),
    alignof(A),
    [](void* at) { new (at) A(); },
    [](void* at, const void* from) { new (at) A(*static_cast<const A*>(from)); },
    [](void* at) { static_cast<A*>(at)->~A(); },
    [](const void* a, const void* b) { return *static_cast<const A*>(a) == *static_cast<const A*>(b); },
    detail::visit_attrs<A>,
};

/// Attributes on their way into run(): a reference to a record of any type, or none.
struct AttrsRef {
  const void* data = nullptr;       ///< The record; null: none.
  const AttrsType* type = nullptr;  ///< Its type; null: none.
  /// No attributes.
  AttrsRef() = default;
  /// The record at `d` of type `t`.
  AttrsRef(const void* d, const AttrsType* t) : data(d), type(t) {}
  /// A record, which must outlive the reference.
  template <class A>
  requires requires { A::fields(); }
  AttrsRef(const A& a) : data(&a), type(&attrs_type<A>) {}
};

/// The fields as text: "{stride: [2, 2], groups: 1}". "{}" for no attributes.
std::string to_string(AttrsRef attrs);
/// A hash of the record's text, the same in every process.
uint64_t hash(AttrsRef attrs);

}  // namespace hearth
