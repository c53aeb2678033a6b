#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct LayerNormAttrs {
  int64_t dims = 1;  // how many of the last dimensions are normalised together
  double eps = 1e-5;
  bool center = true;  // subtract the mean; RMS norm does not
  static constexpr auto fields() {
    return std::make_tuple(field("dims", &LayerNormAttrs::dims), field("eps", &LayerNormAttrs::eps),
                           field("center", &LayerNormAttrs::center));
  }
  bool operator==(const LayerNormAttrs&) const = default;
};

struct GroupNormAttrs {
  int64_t groups = 1;  // of channels
  double eps = 1e-5;
  static constexpr auto fields() {
    return std::make_tuple(field("groups", &GroupNormAttrs::groups), field("eps", &GroupNormAttrs::eps));
  }
  bool operator==(const GroupNormAttrs&) const = default;
};

struct BatchNormAttrs {
  bool training = false;  // use the batch's own statistics
  double eps = 1e-5;
  static constexpr auto fields() {
    return std::make_tuple(field("training", &BatchNormAttrs::training), field("eps", &BatchNormAttrs::eps));
  }
  bool operator==(const BatchNormAttrs&) const = default;
};

}  // namespace hearth
