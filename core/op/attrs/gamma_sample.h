#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct GammaSampleAttrs {
  bool log = false;  // the logarithm of the number
  static constexpr auto fields() { return std::make_tuple(field("log", &GammaSampleAttrs::log)); }
  bool operator==(const GammaSampleAttrs&) const = default;
};

}  // namespace hearth
