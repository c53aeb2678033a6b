#pragma once

#include "core/op/attrs.h"

namespace hearth {

// Elements added before and after each dimension; negative: dropped.
struct PadAttrs {
  Dims before, after;
  Scalar value = 0.0;
  static constexpr auto fields() {
    return std::make_tuple(field("before", &PadAttrs::before), field("after", &PadAttrs::after),
                           field("value", &PadAttrs::value));
  }
  bool operator==(const PadAttrs&) const = default;
};

}  // namespace hearth
