#pragma once

#include "core/op/attrs.h"

namespace hearth {

// One dimension brought to another size by weighted sums of neighbours.
struct InterpolateAttrs {
  int64_t dim = -1;
  int64_t size = 1;  // the result's
  bool cubic = false;
  bool align_corners = false;
  bool antialias = false;
  // The distance of results in elements of the input; without it the sizes tell.
  std::optional<double> step;
  static constexpr auto fields() {
    return std::make_tuple(field("dim", &InterpolateAttrs::dim), field("size", &InterpolateAttrs::size),
                           field("cubic", &InterpolateAttrs::cubic),
                           field("align_corners", &InterpolateAttrs::align_corners),
                           field("antialias", &InterpolateAttrs::antialias), field("step", &InterpolateAttrs::step));
  }
  bool operator==(const InterpolateAttrs&) const = default;
};

}  // namespace hearth
