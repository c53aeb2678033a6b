/// Covariances of variables.
#pragma once

#include <cstdint>

#include "core/tensor/tensor.h"

namespace hearth {

/// The covariances [v, v] of v variables with n observations each, x [v, n]; of one variable, [n] or [1, n], a number.
/// `frequencies`, integers [n], say how often an observation was made, `weights` [n] how much it counts; neither may be
/// negative (not checked while a function is traced). The sum is divided by the number of observations minus
/// `correction` (weighted as NumPy's cov does). NaN or infinite where nothing is left. Gradients flow. Not for complex
/// numbers. Throws Error for other shapes.
Tensor cov(const Tensor& x, int64_t correction = 1, const OptionalTensor& frequencies = std::nullopt,
           const OptionalTensor& weights = std::nullopt);
/// The correlation coefficients of the variables: cov() divided by the standard deviations, within [-1, 1].
Tensor corrcoef(const Tensor& x);

}  // namespace hearth
