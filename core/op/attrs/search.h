#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct SearchsortedAttrs {
  bool right = false;
  bool out_int32 = false;
  static constexpr auto fields() {
    return std::make_tuple(field("right", &SearchsortedAttrs::right),
                           field("out_int32", &SearchsortedAttrs::out_int32));
  }
  bool operator==(const SearchsortedAttrs&) const = default;
};

}  // namespace hearth
