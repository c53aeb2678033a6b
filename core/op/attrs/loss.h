#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct CrossEntropyAttrs {
  int64_t ignore_index = -100;
  double label_smoothing = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("ignore_index", &CrossEntropyAttrs::ignore_index),
                           field("label_smoothing", &CrossEntropyAttrs::label_smoothing));
  }
  bool operator==(const CrossEntropyAttrs&) const = default;
};

}  // namespace hearth
