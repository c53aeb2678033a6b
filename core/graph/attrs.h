// Attributes of a node: a record of its own, and access to the whole numbers in it, which may be sizes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/op/attrs.h"

namespace hearth::graph {

namespace detail {
struct DeleteAttrs {
  const AttrsType* type = nullptr;
  void operator()(void* attrs) const;
};
}  // namespace detail

/// An attribute record of a type known only at run time, owned. It may be empty: an op without attributes.
class OwnedAttrs {
 public:
  /// None.
  OwnedAttrs() = default;
  /// A record of this type with default values; none for null.
  explicit OwnedAttrs(const AttrsType* type);
  /// A copy of a record.
  explicit OwnedAttrs(AttrsRef from);
  /// Copies the record.
  OwnedAttrs(const OwnedAttrs& o) : OwnedAttrs(o.ref()) {}
  /// Takes the record over.
  OwnedAttrs(OwnedAttrs&&) = default;
  /// Replaces the record.
  OwnedAttrs& operator=(OwnedAttrs o) noexcept {
    data_ = std::move(o.data_);
    return *this;
  }

  /// The record, valid as long as this object.
  AttrsRef ref() const { return {data_.get(), data_.get_deleter().type}; }
  /// Shows every field to the visitor, which may change it.
  void visit(FieldVisitor& v) const;
  /// True if both are empty, or both are of one type and equal.
  bool operator==(const OwnedAttrs& o) const;

 private:
  std::unique_ptr<void, detail::DeleteAttrs> data_;
};

/// A whole number among the attributes: a field, an entry of a list, or the number that an optional holds.
struct Whole {
  const char* field;  ///< The field's name.
  int index;          ///< The place in a list; -1 if the field is not a list.
  int64_t* at;        ///< The number.
};
/// All whole numbers of a record. Records of a type whose lists have equal lengths give them in the same order.
std::vector<Whole> wholes(const OwnedAttrs& attrs);

}  // namespace hearth::graph
