// How a gamma-distributed number changes with its concentration, once for the CPU and for GPUs: HEARTH_SPECIAL says how
// it is compiled there.
#pragma once

#include <cmath>
#include <numbers>

#include "core/kernels/special_functions.h"

namespace hearth::special {

// Gauss and Legendre's rule on [0, 1].
struct GaussRule {
  static constexpr int kNodes = 40;
  double at[kNodes], weight[kNodes];
};
inline GaussRule gauss_rule() {
  constexpr int nodes = GaussRule::kNodes;
  GaussRule rule{};
  for (int i = 0; i < nodes; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (nodes + 0.5)), slope = 1;
    for (int step = 0; step < 8; ++step) {
      double before = 0, value = 1;
      for (int n = 1; n <= nodes; ++n) {
        const double next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
        before = value;
        value = next;
      }
      slope = nodes * (x * value - before) / (x * x - 1);
      x -= value / slope;
    }
    rule.at[i] = (x + 1) / 2;
    rule.weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

// Below the median: P by its series, x^a e^-x / Gamma(a + 1) times the sum of x^k / ((a + 1) ... (a + k)), and its
// derivative term by term. All terms of each sum have one sign.
HEARTH_SPECIAL double gamma_slope_by_series(double a, double x, double log_x) {
  double term = 1, sum = 1, harmonic = 0, slope = 0;
  for (int k = 1; k < 2000 && term > sum * 1e-18; ++k) {
    term *= x / (a + k);
    harmonic += 1 / (a + k);
    sum += term;
    slope -= term * harmonic;
  }
  return -(sum * (log_x - digamma(a + 1)) + slope) / a;
}

// The tail beyond x (side = 1) or before it (side = -1) as an integral over u = x (1 + side t):
// x^a e^-x times that of e^-f(t) with f(t) = side x t - (a - 1) log(1 + side t).
HEARTH_SPECIAL double gamma_slope_by_integral(const GaussRule& rule, double a, double x, double log_x, double side) {
  const auto f = [&](double t) { return side * x * t - (a - 1) * std::log1p(side * t); };
  const auto slope = [&](double t) { return side * (x - (a - 1) / (1 + side * t)); };
  // Where e^-f has fallen to nothing: f is convex for a >= 1, so Newton's steps come from above. Before x, f lies above
  // its parabola at 0.
  constexpr double kNothing = 42;
  const double first = slope(0);
  double end = a >= 1 ? kNothing / (first > 1e-300 ? first : 1e-300) : kNothing / x;
  if (side < 0) {
    const double most = (std::sqrt(first * first + 2 * (a - 1) * kNothing) - first) / (a - 1);
    end = most < 0.999 ? most : 0.999;
  }
  for (int step = 0; a > 1 && step < 60; ++step) {
    const double next = end - (f(end) - kNothing) / slope(end);
    if (!(next < end)) break;
    const bool close = end - next < 1e-3 * end;
    end = next;
    if (close) break;
  }
  const double bracket = log_x - digamma(a);
  double sum = 0;
  for (int i = 0; i < GaussRule::kNodes; ++i) {
    const double t = end * rule.at[i];
    sum += rule.weight[i] * std::exp(-f(t)) * (bracket + std::log1p(side * t));
  }
  return side * end * sum;
}

// d log(x) / d a of x(a) where P(a, x(a)), the distribution function of the standard gamma distribution, is constant
// (implicit reparametrization: Figurnov, Mohamed and Mnih, 2018). Relative error about 1e-9. a > 0; of x = e^log_x, so
// that x may be smaller than any number.
HEARTH_SPECIAL double gamma_log_slope(const GaussRule& rule, double a, double log_x) {
  if (!(a > 0) || std::isnan(log_x)) return NAN;
  const double x = std::exp(log_x);
  if (x > a + 1) return gamma_slope_by_integral(rule, a, x, log_x, 1);
  if (a <= 64) return gamma_slope_by_series(a, x, log_x);
  return gamma_slope_by_integral(rule, a, x, log_x, x < a ? -1 : 1);
}

// The derivative of a number g, or of the logarithm g of a number, by the concentration.
HEARTH_SPECIAL double gamma_slope(const GaussRule& rule, double a, double g, bool log) {
  return log ? gamma_log_slope(rule, a, g) : g * gamma_log_slope(rule, a, std::log(g));
}

}  // namespace hearth::special
