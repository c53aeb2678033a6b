// Numbers of gamma, Poisson and binomial distributions, by rejection, once for the CPU and for GPUs: HEARTH_SPECIAL
// says how they are compiled there.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "core/kernels/incomplete_gamma.h"
#include "core/tensor/dtype.h"
#include "core/tensor/generator.h"

namespace hearth::variates {

// The random words of one element: as many as its rejections take. Element i has counter i of its call, and the streams
// of this counter, of which other ops use the first alone.
class ElementWords {
 public:
  HEARTH_SPECIAL ElementWords(const GeneratorState& s, int64_t i)
      : seed_(s.seed), counter_(s.offset + static_cast<uint64_t>(i)) {}
  // Uniform in [0, 1).
  HEARTH_SPECIAL double uniform() {
    const uint32_t a = word(), b = word();
    return static_cast<double>((uint64_t{a} << 32 | b) >> 11) * 0x1p-53;
  }
  // Uniform in (0, 1).
  HEARTH_SPECIAL double inside() { return uniform() + 0x1p-54; }
  HEARTH_SPECIAL double normal() {
    const double r = std::sqrt(-2 * std::log(inside()));
    return r * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  HEARTH_SPECIAL uint32_t word() {
    if (used_ == 4) {
      words_ = philox(seed_, counter_, stream_++);
      used_ = 0;
    }
    return words_[used_++];
  }
  uint64_t seed_, counter_, stream_ = 0;
  std::array<uint32_t, 4> words_{};
  unsigned used_ = 4;
};

// The logarithm. Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; below 1 by a power of a
// uniform number, which only its logarithm can hold.
HEARTH_SPECIAL double log_gamma(ElementWords& words, double a) {
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

// The range of a dtype: its smallest normal number and its largest one.
struct Range {
  double smallest, largest;
};
inline Range range_of(DType t) {
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

// The number, or its logarithm, for a result of this range: no logarithm is infinite, and no number 0.
HEARTH_SPECIAL double gamma(ElementWords& words, double a, bool log, Range range) {
  const double g = log_gamma(words, a);
  if (log) return g < -range.largest ? -range.largest : g;
  const double number = std::exp(g);
  return number < range.smallest ? range.smallest : number;
}

// Logarithms of probabilities (Loader, 2000).
HEARTH_SPECIAL double log_poisson(double k, double rate) {
  if (k == 0) return -rate;
  return -special::stirling_error(k) - special::deviance(k, rate) - std::log(2 * std::numbers::pi * k) / 2;
}
HEARTH_SPECIAL double log_binomial(double k, double n, double p) {
  if (k == 0) return n * std::log1p(-p);
  if (k == n) return n * std::log(p);
  return special::stirling_error(n) - special::stirling_error(k) - special::stirling_error(n - k) -
         special::deviance(k, n * p) - special::deviance(n - k, n * (1 - p)) +
         std::log(n / (2 * std::numbers::pi * k * (n - k))) / 2;
}

// Hörmann, "The transformed rejection method for generating Poisson random variables" (PTRS), 1993.
HEARTH_SPECIAL double poisson(ElementWords& words, double rate) {
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
HEARTH_SPECIAL double lower_binomial(ElementWords& words, double n, double p) {
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
HEARTH_SPECIAL double binomial(ElementWords& words, double n, double p) {
  if (!(n >= 0 && p >= 0 && p <= 1) || n != std::floor(n) || std::isinf(n)) return NAN;
  return p > 0.5 ? n - lower_binomial(words, n, 1 - p) : lower_binomial(words, n, p);
}

}  // namespace hearth::variates
