#pragma once

#include "core/op/attrs.h"

namespace hearth {

struct FftAttrs {
  Dims dims;             // each once; the last is that of real numbers
  bool inverse = false;  // the sign of the exponent: + for true
  double factor = 1;     // what the result is multiplied with
  int64_t size = 0;      // for fft_c2r: the real numbers along the last dimension
  static constexpr auto fields() {
    return std::make_tuple(field("dims", &FftAttrs::dims), field("inverse", &FftAttrs::inverse),
                           field("factor", &FftAttrs::factor), field("size", &FftAttrs::size));
  }
  bool operator==(const FftAttrs&) const = default;
};

}  // namespace hearth
