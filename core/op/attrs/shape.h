#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct ShapeAttrs {
  Dims shape;
  static constexpr auto fields() { return std::make_tuple(field("shape", &ShapeAttrs::shape)); }
  bool operator==(const ShapeAttrs&) const = default;
};

// A region of a storage relative to a tensor's first element, in elements of that tensor's memory.
struct StridedAttrs {
  Dims shape, strides;
  int64_t offset = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("shape", &StridedAttrs::shape), field("strides", &StridedAttrs::strides),
                           field("offset", &StridedAttrs::offset));
  }
  bool operator==(const StridedAttrs&) const = default;
};

}  // namespace hearth
