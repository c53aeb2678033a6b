#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct SortAttrs {
  int64_t dim = -1;
  bool descending = false;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &SortAttrs::dim), field("descending", &SortAttrs::descending));
  }
  bool operator==(const SortAttrs&) const = default;
};

struct TopkAttrs {
  int64_t k = 1;
  int64_t dim = -1;
  bool largest = true;
  static constexpr auto fields() {
    return std::make_tuple(field("k", &TopkAttrs::k), field("dim", &TopkAttrs::dim),
                           field("largest", &TopkAttrs::largest));
  }
  bool operator==(const TopkAttrs&) const = default;
};

}  // namespace hearth
