#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct ScatterReduceAttrs {
  int64_t dim = 0;
  // How elements for one place are put together: 0 product, 1 greatest, 2 smallest.
  int64_t reduce = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &ScatterReduceAttrs::dim), field("reduce", &ScatterReduceAttrs::reduce));
  }
  bool operator==(const ScatterReduceAttrs&) const = default;
};

}  // namespace hearth
