#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct ReduceAttrs {
  Dims dims;  // none: all
  bool keepdim = false;
  static constexpr auto fields() {
    return std::make_tuple(field("dims", &ReduceAttrs::dims), field("keepdim", &ReduceAttrs::keepdim));
  }
  bool operator==(const ReduceAttrs&) const = default;
};

// One dimension.
struct DimAttrs {
  int64_t dim = 0;
  static constexpr auto fields() { return std::make_tuple(field("dim", &DimAttrs::dim)); }
  bool operator==(const DimAttrs&) const = default;
};

// An index along one dimension, or over all elements.
struct ArgAttrs {
  std::optional<int64_t> dim;
  bool keepdim = false;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &ArgAttrs::dim), field("keepdim", &ArgAttrs::keepdim));
  }
  bool operator==(const ArgAttrs&) const = default;
};

}  // namespace hearth
