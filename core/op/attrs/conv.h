#pragma once

#include "core/op/attrs.h"

namespace hearth {

// Of a convolution and of its gradients. Sizes are [height, width].
struct ConvAttrs {
  Dims stride{1, 1}, padding{0, 0}, dilation{1, 1};
  int64_t groups = 1;
  // Of a gradient: the shape of the result (the input's or the weight's), which its operands do not tell.
  Dims shape;
  bool bias = false;  // conv2d_weights: the bias's gradient too

  static constexpr auto fields() {
    return std::make_tuple(field("stride", &ConvAttrs::stride), field("padding", &ConvAttrs::padding),
                           field("dilation", &ConvAttrs::dilation), field("groups", &ConvAttrs::groups),
                           field("shape", &ConvAttrs::shape), field("bias", &ConvAttrs::bias));
  }
  bool operator==(const ConvAttrs&) const = default;
};

}  // namespace hearth
