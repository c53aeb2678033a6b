// A complex tensor's real or imaginary part as a tensor over the same memory.
#pragma once

#include "core/tensor/tensor.h"

namespace hearth::cpu {

// k = 0: the real part, 1: the imaginary part. Of any layout.
inline Tensor part_of(const Tensor& t, int k) {
  const Layout& l = t.layout();
  Strides strides = l.strides;
  for (int64_t& s : strides) s *= 2;
  Tensor part = hearth::detail::alias(t, Layout(l.shape, strides, 2 * l.offset + k), true);
  part.impl()->dtype = real_type(t.dtype());
  return part;
}

}  // namespace hearth::cpu
