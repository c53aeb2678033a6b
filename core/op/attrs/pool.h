#pragma once

#include "core/op/attrs.h"

namespace hearth {

// Of a pooling and of its gradients. Sizes are [height, width].
struct PoolAttrs {
  Dims kernel, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  bool ceil_mode = false;          // a last window that starts inside, but does not end there, counts too
  bool include_pad = true;         // averages: the zeros around count as elements
  std::optional<int64_t> divisor;  // averages: divide by this instead of by the number of elements
  // Adaptive pooling: the size of the result; the windows follow from it. Otherwise empty.
  Dims output;
  Dims shape;  // of a gradient: the shape of the result

  static constexpr auto fields() {
    return std::make_tuple(field("kernel", &PoolAttrs::kernel), field("stride", &PoolAttrs::stride),
                           field("padding", &PoolAttrs::padding), field("dilation", &PoolAttrs::dilation),
                           field("ceil_mode", &PoolAttrs::ceil_mode), field("include_pad", &PoolAttrs::include_pad),
                           field("divisor", &PoolAttrs::divisor), field("output", &PoolAttrs::output),
                           field("shape", &PoolAttrs::shape));
  }
  bool operator==(const PoolAttrs&) const = default;
};

}  // namespace hearth
