#include "core/kernels/cpu/taps.h"

#include <algorithm>
#include <cmath>

namespace hearth::cpu {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}
// Keys, "Cubic convolution interpolation for digital image processing", 1981.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Appends a result whose inputs are first, first + 1, ... without those at the ends that have no weight.
void add(Taps& t, int64_t first, const std::vector<double>& w) {
  auto begin = w.begin(), end = w.end();
  while (begin + 1 < end && *begin == 0) ++begin;
  while (begin + 1 < end && end[-1] == 0) --end;
  t.first.push_back(first + (begin - w.begin()));
  t.weight.insert(t.weight.end(), begin, end);
  t.start.push_back(static_cast<int64_t>(t.weight.size()));
}

// The arithmetic of Pillow's precompute_coeffs, in double: the weights are PIL's to the last bit.
void add_antialiased(Taps& t, int64_t i, double scale, bool bicubic, std::vector<double>& w) {
  const double widen = std::max(scale, 1.0), support = (bicubic ? 2.0 : 1.0) * widen, step = 1.0 / widen;
  const double center = (static_cast<double>(i) + 0.5) * scale;
  const int64_t lo = std::max<int64_t>(static_cast<int64_t>(std::floor(center - support + 0.5)), 0);
  const int64_t hi = std::min<int64_t>(static_cast<int64_t>(std::floor(center + support + 0.5)), t.from);
  w.clear();
  double sum = 0;
  for (int64_t k = 0; k < hi - lo; ++k) {
    const double x = (static_cast<double>(k + lo) - center + 0.5) * step;
    w.push_back(bicubic ? cubic(x, -0.5) : triangle(x));
    sum += w.back();
  }
  if (sum != 0) {
    for (double& v : w) v /= sum;
  }
  add(t, lo, w);
}

// Two or four neighbours of position x; those beyond the edge are the edge's pixel.
void add_plain(Taps& t, double x, bool bicubic, std::vector<double>& w) {
  if (!bicubic) x = std::max(x, 0.0);
  const double base = std::floor(x), f = x - base;
  const int64_t lo = bicubic ? -1 : 0, hi = bicubic ? 2 : 1, last = t.from - 1;
  const auto place = [&](int64_t k) { return std::clamp<int64_t>(static_cast<int64_t>(base) + k, 0, last); };
  w.assign(static_cast<size_t>(place(hi) - place(lo)) + 1, 0.0);
  for (int64_t k = lo; k <= hi; ++k) {
    const double d = f - static_cast<double>(k);
    w[static_cast<size_t>(place(k) - place(lo))] += bicubic ? cubic(d, -0.75) : triangle(d);
  }
  add(t, place(lo), w);
}

}  // namespace

int64_t Taps::lowest() const { return *std::min_element(first.begin(), first.end()); }
int64_t Taps::highest() const {
  int64_t end = 0;
  for (int64_t i = 0; i < to(); ++i) end = std::max(end, first[static_cast<size_t>(i)] + count(i));
  return end;
}

Taps interpolated(int64_t from, int64_t to, const TapOptions& o) {
  Taps t;
  t.from = from;
  t.start.push_back(0);
  double step = o.step.value_or(static_cast<double>(from) / static_cast<double>(to));
  // A size that stays keeps its elements, whatever the step, as in PyTorch.
  if (from == to && (!o.cubic || o.antialias)) step = 1;
  if (o.align_corners) step = to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0;
  std::vector<double> w;
  for (int64_t i = 0; i < to; ++i) {
    const auto at = static_cast<double>(i);
    if (o.antialias) add_antialiased(t, i, step, o.cubic, w);
    else add_plain(t, o.align_corners ? at * step : (at + 0.5) * step - 0.5, o.cubic, w);
  }
  return t;
}

Taps transposed(const Taps& t) {
  // As the windows of ascending results ascend, an input is seen by neighbours.
  std::vector<int64_t> end(static_cast<size_t>(t.from), 0);
  Taps out;
  out.from = t.to();
  out.first.assign(static_cast<size_t>(t.from), -1);
  const auto for_all = [&](auto f) {
    for (int64_t o = 0; o < t.to(); ++o) {
      const auto r = static_cast<size_t>(o);
      for (int64_t k = t.start[r]; k < t.start[r + 1]; ++k)
        f(o, static_cast<size_t>(t.first[r] + k - t.start[r]), t.weight[static_cast<size_t>(k)]);
    }
  };
  for_all([&](int64_t o, size_t i, double) {
    if (out.first[i] < 0) out.first[i] = o;
    end[i] = o + 1;
  });
  out.start.push_back(0);
  for (size_t i = 0; i < end.size(); ++i) {
    out.first[i] = std::max<int64_t>(out.first[i], 0);
    out.start.push_back(out.start.back() + (end[i] > 0 ? end[i] - out.first[i] : 0));
  }
  out.weight.assign(static_cast<size_t>(out.start.back()), 0.0);
  for_all([&](int64_t o, size_t i, double w) { out.weight[static_cast<size_t>(out.start[i] + o - out.first[i])] = w; });
  return out;
}

}  // namespace hearth::cpu
