#include "core/kernels/cpu/gamma_slope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/kernels/special_functions.h"

namespace hearth::cpu {
namespace {

constexpr int kNodes = 40;

// Gauss and Legendre's rule on [0, 1].
struct Rule {
  std::array<double, kNodes> at, weight;
  Rule() : at(), weight() {
    for (int i = 0; i < kNodes; ++i) {
      double x = std::cos(std::numbers::pi * (i + 0.75) / (kNodes + 0.5)), slope = 1;
      for (int step = 0; step < 8; ++step) {
        double before = 0, value = 1;
        for (int n = 1; n <= kNodes; ++n) {
          const double next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
          before = value;
          value = next;
        }
        slope = kNodes * (x * value - before) / (x * x - 1);
        x -= value / slope;
      }
      at[static_cast<size_t>(i)] = (x + 1) / 2;
      weight[static_cast<size_t>(i)] = 1 / ((1 - x * x) * slope * slope);
    }
  }
};

// Below the median: P by its series, x^a e^-x / Gamma(a + 1) times the sum of x^k / ((a + 1) ... (a + k)), and its
// derivative term by term. All terms of each sum have one sign.
double by_series(double a, double x, double log_x) {
  double term = 1, sum = 1, harmonic = 0, slope = 0;
  for (int k = 1; k < 2000 && term > sum * 1e-18; ++k) {
    term *= x / (a + k);
    harmonic += 1 / (a + k);
    sum += term;
    slope -= term * harmonic;
  }
  return -(sum * (log_x - special::digamma(a + 1)) + slope) / a;
}

// The tail beyond x (side = 1) or before it (side = -1) as an integral over u = x (1 + side t):
// x^a e^-x times that of e^-f(t) with f(t) = side x t - (a - 1) log(1 + side t).
double by_integral(double a, double x, double log_x, double side) {
  static const Rule rule;
  const auto f = [&](double t) { return side * x * t - (a - 1) * std::log1p(side * t); };
  const auto slope = [&](double t) { return side * (x - (a - 1) / (1 + side * t)); };
  // Where e^-f has fallen to nothing: f is convex for a >= 1, so Newton's steps come from above. Before x, f lies above
  // its parabola at 0.
  constexpr double kNothing = 42;
  const double first = slope(0);
  double end = a >= 1 ? kNothing / std::max(first, 1e-300) : kNothing / x;
  if (side < 0) end = std::min((std::sqrt(first * first + 2 * (a - 1) * kNothing) - first) / (a - 1), 0.999);
  for (int step = 0; a > 1 && step < 60; ++step) {
    const double next = end - (f(end) - kNothing) / slope(end);
    if (!(next < end)) break;
    const bool close = end - next < 1e-3 * end;
    end = next;
    if (close) break;
  }
  const double bracket = log_x - special::digamma(a);
  double sum = 0;
  for (size_t i = 0; i < kNodes; ++i) {
    const double t = end * rule.at[i];
    sum += rule.weight[i] * std::exp(-f(t)) * (bracket + std::log1p(side * t));
  }
  return side * end * sum;
}

}  // namespace

double gamma_log_slope(double a, double log_x) {
  if (!(a > 0) || std::isnan(log_x)) return NAN;
  const double x = std::exp(log_x);
  if (x > a + 1) return by_integral(a, x, log_x, 1);
  return a > 64 && x < a ? by_integral(a, x, log_x, -1) : a > 64 ? by_integral(a, x, log_x, 1) : by_series(a, x, log_x);
}

}  // namespace hearth::cpu
