#include "serve/schedule/stats.h"

#include <algorithm>

namespace hearth::serve {

void Histogram::add(int64_t ns) {
  const double s = static_cast<double>(ns) * 1e-9;
  const auto at = std::lower_bound(kBounds.begin(), kBounds.end(), s) - kBounds.begin();
  buckets_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(ns, std::memory_order_relaxed);
}

std::array<int64_t, Histogram::kBounds.size() + 1> Histogram::cumulative() const {
  std::array<int64_t, kBounds.size() + 1> out{};
  int64_t total = 0;
  for (size_t i = 0; i < out.size(); ++i) out[i] = total += buckets_[i].load(std::memory_order_relaxed);
  return out;
}

int64_t Histogram::count() const { return cumulative().back(); }

double Histogram::quantile(double q) const {
  const auto c = cumulative();
  const double want = q * static_cast<double>(c.back());
  if (c.back() == 0) return 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    if (static_cast<double>(c[i]) < want) continue;
    const double low = i == 0 ? 0 : kBounds[i - 1];
    const auto before = static_cast<double>(i == 0 ? 0 : c[i - 1]), here = static_cast<double>(c[i]) - before;
    return here > 0 ? low + (kBounds[i] - low) * (want - before) / here : kBounds[i];
  }
  return kBounds.back();
}

}  // namespace hearth::serve
