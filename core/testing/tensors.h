// Tensors for tests: values without a pattern, the ends of every dtype, odd layouts.
#pragma once

#include <span>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::testing {

// Values in [low, high] that depend on seed and place alone; whole numbers for integers, where what does not fit into
// the dtype is left out; any for bool.
Tensor noise(const Shape& shape, DType dtype, double low = -2, double high = 2, uint64_t seed = 1);

// Both zeros, ones, infinities, NaN, the largest, smallest and denormal numbers; the ends of integers; both bools.
std::vector<long double> extremes(DType dtype);

Tensor from_wide(std::span<const long double> values, const Shape& shape, DType dtype);
// All elements in row-major order; exact for every dtype.
std::vector<long double> to_wide(const Tensor& t);

enum class Arrangement : uint8_t {
  kAsMade,
  kGaps,      // an unused element after each
  kReversed,  // the first dimension moves fastest
};
constexpr Arrangement kArrangements[] = {Arrangement::kAsMade, Arrangement::kGaps, Arrangement::kReversed};
const char* to_string(Arrangement a);
// The same values in another place.
Tensor arranged(const Tensor& t, Arrangement a);
// The same shape, strides and dtype without data.
Tensor on_meta(const Tensor& t);
// n rows of dimension 0, from the start again where there are fewer.
Tensor with_rows(const Tensor& t, int64_t n);

// Same shape, dtype and bits of every element.
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace hearth::testing
