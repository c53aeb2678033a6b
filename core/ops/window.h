// Windows, as torch has them; but gaussian and cosine windows are periodic by default. A periodic window of n is the
// symmetric one of n + 1 without its last value, as spectra want it. Computed in f64 and rounded to the dtype (f32 if
// none is given); n = 1 gives 1, a negative n throws Error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/tensor/tensor.h"

namespace hearth {

/// 0.5 - 0.5 cos(2 pi k / (n - 1)).
Tensor hann_window(int64_t n, bool periodic = true, const TensorOptions& options = {});
/// alpha - beta cos(2 pi k / (n - 1)).
Tensor hamming_window(int64_t n, bool periodic = true, double alpha = 0.54, double beta = 0.46,
                      const TensorOptions& options = {});
/// 0.42 - 0.5 cos(2 pi k / (n - 1)) + 0.08 cos(4 pi k / (n - 1)).
Tensor blackman_window(int64_t n, bool periodic = true, const TensorOptions& options = {});
/// 1 - |2 k / (n - 1) - 1|: a triangle.
Tensor bartlett_window(int64_t n, bool periodic = true, const TensorOptions& options = {});
/// I0(beta sqrt(1 - (2 k / (n - 1) - 1)^2)) / I0(beta), I0 the modified Bessel function (Kaiser and Schafer, 1980).
Tensor kaiser_window(int64_t n, bool periodic = true, double beta = 12, const TensorOptions& options = {});
/// exp(-((k - (n - 1) / 2) / std)^2 / 2).
Tensor gaussian_window(int64_t n, bool periodic = true, double std = 1, const TensorOptions& options = {});
/// The sum of (-1)^i a_i cos(2 pi i k / (n - 1)) over the coefficients a_0, a_1, ....
Tensor general_cosine_window(int64_t n, std::span<const double> coefficients, bool periodic = true,
                             const TensorOptions& options = {});
/// alpha - (1 - alpha) cos(2 pi k / (n - 1)).
Tensor general_hamming_window(int64_t n, bool periodic = true, double alpha = 0.54, const TensorOptions& options = {});
/// The window of four cosine terms with the lowest side lobes (Nuttall, 1981).
Tensor nuttall_window(int64_t n, bool periodic = true, const TensorOptions& options = {});
/// exp(-|k - center| / tau); the center is (n - 1) / 2 if none is given. Throws Error unless tau > 0, and for a center
/// of a symmetric window.
Tensor exponential_window(int64_t n, bool periodic = true, std::optional<double> center = {}, double tau = 1,
                          const TensorOptions& options = {});
/// sin(pi (k + 0.5) / n).
Tensor cosine_window(int64_t n, bool periodic = true, const TensorOptions& options = {});

}  // namespace hearth
