#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct CtcLossAttrs {
  int64_t blank = 0;
  bool zero_infinity = false;
  static constexpr auto fields() {
    return std::make_tuple(field("blank", &CtcLossAttrs::blank), field("zero_infinity", &CtcLossAttrs::zero_infinity));
  }
  bool operator==(const CtcLossAttrs&) const = default;
};

}  // namespace hearth
