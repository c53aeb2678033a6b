#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct LinearWeightsAttrs {
  bool bias = false;  // the bias's gradient too
  static constexpr auto fields() { return std::make_tuple(field("bias", &LinearWeightsAttrs::bias)); }
  bool operator==(const LinearWeightsAttrs&) const = default;
};

}  // namespace hearth
