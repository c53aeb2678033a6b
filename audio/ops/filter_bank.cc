#include <algorithm>
#include <cmath>

#include "audio/ops/filter_bank_internal.h"
#include "core/ops/create.h"
#include "core/ops/matmul.h"
#include "core/ops/view.h"

namespace hearth::audio::detail {

double nyquist(int64_t rate) { return std::floor(static_cast<double>(rate) / 2); }

Tensor times(const Tensor& x, const Tensor& matrix) { return transpose(matmul(transpose(x, -2, -1), matrix), -2, -1); }

Tensor triangles(int64_t n_freqs, const std::vector<double>& at, int64_t sample_rate, bool same_area,
                 const TensorOptions& options) {
  const auto n = static_cast<int64_t>(at.size()) - 2;
  std::vector<double> bank(static_cast<size_t>(n_freqs * n));
  for (int64_t f = 0; f < n_freqs; ++f) {
    const double hz = nyquist(sample_rate) * static_cast<double>(f) / static_cast<double>(n_freqs - 1);
    for (int64_t m = 0; m < n; ++m) {
      const double left = at[static_cast<size_t>(m)], top = at[static_cast<size_t>(m + 1)],
                   right = at[static_cast<size_t>(m + 2)];
      const double v = std::max(0.0, std::min((hz - left) / (top - left), (right - hz) / (right - top)));
      bank[static_cast<size_t>(f * n + m)] = same_area ? v * 2 / (right - left) : v;
    }
  }
  TensorOptions with = options;
  with.dtype = options.dtype.value_or(kDefaultFloat);
  return from_values(bank, {n_freqs, n}, with);
}

}  // namespace hearth::audio::detail
