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

class OwnedAttrs {
 public:
  OwnedAttrs() = default;
  // Default values.
  explicit OwnedAttrs(const AttrsType* type);
  explicit OwnedAttrs(AttrsRef from);
  OwnedAttrs(const OwnedAttrs& o) : OwnedAttrs(o.ref()) {}
  OwnedAttrs(OwnedAttrs&&) = default;
  OwnedAttrs& operator=(OwnedAttrs o) noexcept {
    data_ = std::move(o.data_);
    return *this;
  }

  AttrsRef ref() const { return {data_.get(), data_.get_deleter().type}; }
  void visit(FieldVisitor& v) const;
  bool operator==(const OwnedAttrs& o) const;

 private:
  std::unique_ptr<void, detail::DeleteAttrs> data_;
};

// A whole number among the attributes: a field, an entry of a list, or a number that an optional holds.
struct Whole {
  const char* field;
  int index;  // in a list; else -1
  int64_t* at;
};
// All of them, in one order for all records of a type whose lists have equal lengths.
std::vector<Whole> wholes(const OwnedAttrs& attrs);

}  // namespace hearth::graph
