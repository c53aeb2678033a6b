#include "core/kernels/variates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/parallel.h"
#include "core/kernels/cpu/dense.h"
#include "core/kernels/cpu/draw.h"
#include "core/kernels/cpu/gamma_slope.h"
#include "core/op/attrs/gamma_sample.h"
#include "core/op/op_call.h"
#include "core/tensor/generator.h"

namespace hearth::cpu {
namespace {

// The random words of one element: as many as its rejections take. Element i has counter i of its call, and the streams
// of this counter, of which other ops use the first alone.
class Words {
 public:
  Words(const GeneratorState& s, int64_t i) : seed_(s.seed), counter_(s.offset + static_cast<uint64_t>(i)) {}
  // Uniform in [0, 1).
  double uniform() {
    const uint32_t a = word(), b = word();
    return unit53(a, b);
  }
  // Uniform in (0, 1).
  double inside() { return uniform() + 0x1p-54; }
  double normal() {
    const double r = std::sqrt(-2 * std::log(inside()));
    return r * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint32_t word() {
    if (used_ == 4) {
      words_ = philox(seed_, counter_, stream_++);
      used_ = 0;
    }
    return words_[used_++];
  }
  uint64_t seed_, counter_, stream_ = 0;
  std::array<uint32_t, 4> words_{};
  size_t used_ = 4;
};

constexpr int64_t kPiece = 256;

// out = f(i, x[i], y[i]) in f64; y is x where there is but one operand.
template <class F>
void each(OpCall& c, F f) {
  const Tensor& out = c.out[0];
  const int64_t n = out.numel();
  if (n == 0) return;
  const Tensor result = out.layout().contiguous ? out : detail::empty(out.shape(), out.dtype(), kCpu, c.op.name);
  const DenseReader<double> first(c.input(0)), last(c.input(c.inputs() - 1));
  const DenseWriter<double> writer(result);
  parallel_for((n + kPiece - 1) / kPiece, 4, [&](int64_t begin, int64_t end) {
    double x[kPiece], y[kPiece], z[kPiece];
    for (int64_t k = begin; k < end; ++k) {
      const int64_t start = k * kPiece, count = std::min(kPiece, n - start);
      const double* const a = first.read(start, count, x);
      const double* const b = last.read(start, count, y);
      double* const to = writer.place(start, z);
      for (int64_t i = 0; i < count; ++i) to[i] = f(start + i, a[i], b[i]);
      writer.write(start, count, to);
    }
  });
  if (!out.layout().contiguous) copy_tensor(out, result);
}

// The same, with random words.
template <class F>
void draw_each(OpCall& c, F f) {
  if (c.out[0].numel() == 0) return;
  const GeneratorState s = c.generator->take(4 * static_cast<uint64_t>(c.out[0].numel()));
  each(c, [&](int64_t i, double x, double y) {
    Words words(s, i);
    return f(words, x, y);
  });
}

// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; below 1 by a power of a uniform number,
// which only its logarithm can hold.
double log_gamma_variate(Words& words, double a) {
  if (!(a > 0) || std::isinf(a)) return NAN;
  const double boost = a < 1 ? std::log(words.inside()) / a : 0;
  const double d = (a < 1 ? a + 1 : a) - 1.0 / 3, step = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = words.normal(), root = 1 + step * x;
    if (root <= 0) continue;
    const double v = root * root * root, log_v = 3 * std::log(root);
    if (std::log(words.inside()) < x * x / 2 + d - d * v + d * log_v) return std::log(d) + log_v + boost;
  }
}

// log(n!) without Stirling's formula.
double stirling_rest(double n) {
  if (n < 16) {
    int sign = 0;
    constexpr double half_log_2pi = 0.91893853320467274178;
    return ::lgamma_r(n + 1, &sign) - (n + 0.5) * std::log(n) + n - half_log_2pi;
  }
  const double z = 1 / (n * n);
  return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z / 1680))) / n;
}
// k log(k / mean) + mean - k, without cancellation where the two are close (Loader, 2000).
double deviance(double k, double mean) {
  const double e = (k - mean) / mean;
  if (std::abs(e) > 0.1) return k * std::log(k / mean) + mean - k;
  double sum = 0, power = e * e;
  for (int j = 2; j < 24; ++j, power *= -e) sum += power / (j * (j - 1));
  return mean * sum;
}
double log_poisson(double k, double rate) {
  if (k == 0) return -rate;
  return -stirling_rest(k) - deviance(k, rate) - std::log(2 * std::numbers::pi * k) / 2;
}
double log_binomial(double k, double n, double p) {
  if (k == 0) return n * std::log1p(-p);
  if (k == n) return n * std::log(p);
  return stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k) - deviance(k, n * p) -
         deviance(n - k, n * (1 - p)) + std::log(n / (2 * std::numbers::pi * k * (n - k))) / 2;
}

// Hörmann, "The transformed rejection method for generating Poisson random variables" (PTRS), 1993.
double poisson_variate(Words& words, double rate) {
  if (!(rate >= 0) || std::isinf(rate)) return NAN;
  if (rate < 10) {
    // As many as uniform numbers are multiplied until the product falls below e^-rate.
    const double end = std::exp(-rate);
    double k = 0;
    for (double product = words.uniform(); product > end; product *= words.uniform()) ++k;
    return k;
  }
  const double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
  const double log_scale = std::log(1.1239 + 1.1328 / (b - 3.4)), squeeze = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = words.uniform() - 0.5, v = words.inside(), s = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / s + b) * u + rate + 0.43);
    if (s >= 0.07 && v <= squeeze) return k;
    if (!(k >= 0) || (s < 0.013 && v > s)) continue;
    if (std::log(v) + log_scale - std::log(a / (s * s) + b) <= log_poisson(k, rate)) return k;
  }
}

// Hörmann, "The generation of binomial random variates" (BTRS), 1993; few expected successes by inversion. p <= 1/2.
double binomial_variate(Words& words, double n, double p) {
  if (n * p < 10) {
    const double ratio = p / (1 - p), none = std::exp(n * std::log1p(-p));
    while (true) {
      double u = words.uniform(), probability = none;
      for (double k = 0; k <= n && probability > 0; ++k) {
        if (u < probability) return k;
        u -= probability;
        probability *= ratio * (n - k) / (k + 1);
      }
    }
  }
  const double root = std::sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * root, a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double middle = n * p + 0.5, squeeze = 0.92 - 4.2 / b, scale = (2.83 + 5.1 / b) * root;
  const double top = log_binomial(std::floor((n + 1) * p), n, p);
  while (true) {
    const double u = words.uniform() - 0.5, v = words.inside(), s = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / s + b) * u + middle);
    if (s >= 0.07 && v <= squeeze) return k;
    if (!(k >= 0 && k <= n)) continue;
    if (std::log(v * scale / (a / (s * s) + b)) <= log_binomial(k, n, p) - top) return k;
  }
}
double any_binomial_variate(Words& words, double n, double p) {
  if (!(n >= 0 && p >= 0 && p <= 1) || n != std::floor(n) || std::isinf(n)) return NAN;
  return p > 0.5 ? n - binomial_variate(words, n, 1 - p) : binomial_variate(words, n, p);
}

// The range of a dtype: its smallest normal number and its largest one.
struct Range {
  double smallest, largest;
};
Range range_of(DType t) {
  switch (t) {
    case DType::kF16:
      return {0x1p-14, 65504};
    case DType::kBF16:
      return {0x1p-126, 0x1.fep127};
    case DType::kF32:
      return {std::numeric_limits<float>::min(), std::numeric_limits<float>::max()};
    default:
      return {std::numeric_limits<double>::min(), std::numeric_limits<double>::max()};
  }
}

}  // namespace

void standard_gamma(OpCall& c) {
  const bool log = c.attrs_as<GammaSampleAttrs>().log;
  const Range range = range_of(c.out[0].dtype());
  draw_each(c, [=](Words& words, double a, double) {
    const double g = log_gamma_variate(words, a);
    return log ? std::max(g, -range.largest) : std::max(std::exp(g), range.smallest);
  });
}

void standard_gamma_grad(OpCall& c) {
  const bool log = c.attrs_as<GammaSampleAttrs>().log;
  each(c,
       [=](int64_t, double a, double g) { return log ? gamma_log_slope(a, g) : g * gamma_log_slope(a, std::log(g)); });
}

void poisson(OpCall& c) {
  draw_each(c, [](Words& words, double rate, double) { return poisson_variate(words, rate); });
}

void binomial(OpCall& c) {
  draw_each(c, [](Words& words, double n, double p) { return any_binomial_variate(words, n, p); });
}

}  // namespace hearth::cpu
