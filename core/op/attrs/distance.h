#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct CdistAttrs {
  double p = 2;
  static constexpr auto fields() { return std::make_tuple(field("p", &CdistAttrs::p)); }
  bool operator==(const CdistAttrs&) const = default;
};

}  // namespace hearth
