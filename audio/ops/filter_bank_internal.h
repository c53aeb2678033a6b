// Banks of triangular filters.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"

namespace hearth::audio::detail {

// The highest frequency of a rate. As in torchaudio that of an odd rate is rounded down.
double nyquist(int64_t rate);

// Of [..., n, frames] the columns times a matrix [n, m].
Tensor times(const Tensor& x, const Tensor& matrix);

// Filters [n_freqs, at.size() - 2] over frequencies from 0 to half of the rate: filter m rises from at[m] to at[m + 1]
// and falls to at[m + 2]. `same_area`: each divided by half of its width.
Tensor triangles(const char* op, int64_t n_freqs, const std::vector<double>& at, int64_t sample_rate, bool same_area,
                 const TensorOptions& options);

}  // namespace hearth::audio::detail
