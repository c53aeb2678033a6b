#include <algorithm>
#include <cmath>

#include "audio/ops/filter_bank_internal.h"
#include "audio/ops/frame_product.h"
#include "core/ops/computed.h"
#include "core/ops/view.h"

namespace hearth::audio::detail {

double nyquist(int64_t rate) { return std::floor(static_cast<double>(rate) / 2); }

Tensor times(const Tensor& x, const Tensor& matrix) {
  return transpose(frame_product(transpose(x, -2, -1), matrix), -2, -1);
}

Tensor triangles(const char* op, int64_t n_freqs, const std::vector<double>& at, int64_t sample_rate, bool same_area,
                 const TensorOptions& options) {
  const auto n = static_cast<int64_t>(at.size()) - 2;
  return computed(op, {n_freqs, n}, options, [&](int64_t i) {
    const int64_t bin = i / n;
    const double hz = nyquist(sample_rate) * static_cast<double>(bin) / static_cast<double>(n_freqs - 1);
    const auto m = static_cast<size_t>(i % n);
    const double v =
        std::max(0.0, std::min((hz - at[m]) / (at[m + 1] - at[m]), (at[m + 2] - hz) / (at[m + 2] - at[m + 1])));
    return same_area ? v * 2 / (at[m + 2] - at[m]) : v;
  });
}

}  // namespace hearth::audio::detail
