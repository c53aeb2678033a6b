// The incomplete gamma functions, and the normal distribution's far ends, in f64, once for the CPU and for GPUs:
// HEARTH_SPECIAL says how they are compiled there.
#pragma once

#include <cmath>

#include "core/kernels/any_device.h"

namespace hearth::special {

// e^(x^2) erfc(x).
HEARTH_SPECIAL double erfcx(double x) {
  if (std::isnan(x)) return x;
  if (x < 25) {
    // The rounding of x^2 counts as much as itself.
    const double square = x * x, rest = std::fma(x, x, -square);
    if (square > 720) return HUGE_VAL;
    const double half = std::exp(square / 2);
    return half * std::erfc(x) * half * (1 + rest);
  }
  // 1 - 1 / (2 x^2) + 1 * 3 / (2 x^2)^2 - ...
  const double z = 0.5 / x / x;
  double sum = 1;
  for (int k = 17; k > 0; k -= 2) sum = 1 - k * z * sum;
  return sum / x * 0.56418958354775628695;
}

// log of the distribution function of the standard normal distribution.
HEARTH_SPECIAL double log_ndtr(double x) {
  const double y = x * 0.70710678118654752440;
  if (x < -1) return std::log(erfcx(-y) / 2) - x * x / 2;
  return std::log1p(-std::erfc(y) / 2);
}

// The inverse of the distribution function of the standard normal distribution.
HEARTH_SPECIAL double ndtri(double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  if (p == 0) return -HUGE_VAL;
  if (p == 1) return HUGE_VAL;
  const bool upper = p > 0.5;
  const double tail = upper ? 1 - p : p;  // exact
  if (tail == 0.5) return 0;
  // Abramowitz and Stegun, 26.2.23, then Halley's steps on the tail's logarithm or, near 1/2, on the distance from it.
  const double t = std::sqrt(-2 * std::log(tail));
  double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int i = 0; i < 4; ++i) {
    const double y = -x * 0.70710678118654752440;
    // (F(x) - tail) / f(x), as a number of about the error of x.
    double error;
    if (tail < 0.25) {
      const double scaled = erfcx(y) * 1.25331413731550025121;  // F(x) / f(x)
      error = -scaled * std::expm1(std::log(tail) - (std::log(erfcx(y) / 2) - x * x / 2));
    } else {
      const double density = 0.39894228040143267794 * std::exp(-x * x / 2);
      error = ((0.5 - tail) - std::erf(y) / 2) / density;
    }
    const double step = error / (1 + x * error / 2);
    x -= step;
    if (std::abs(step) <= std::abs(x) * 1e-16) break;
  }
  return upper ? -x : x;
}

// log Gamma(a + 1) - (a + 1/2) log(a) + a - log(2 pi) / 2: what Stirling's formula lacks.
HEARTH_SPECIAL double stirling_error(double a) {
  if (a < 16) return std::lgamma(a + 1) - (a + 0.5) * std::log(a) + a - 0.91893853320467274178;
  const double z = 1 / (a * a);
  return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188 - z * (691.0 / 360360)))))) /
         a;
}
// a log(a / x) + x - a, without cancellation where x is near a (Loader's "saddle-point deviance").
HEARTH_SPECIAL double deviance(double a, double x) {
  if (std::abs(a - x) >= 0.1 * (a + x)) return a * std::log(a / x) + x - a;
  const double v = (a - x) / (a + x);
  double sum = (a - x) * v, term = 2 * a * v;
  for (int j = 1; j < 1000; ++j) {
    term *= v * v;
    const double next = sum + term / (2 * j + 1);
    if (next == sum) break;
    sum = next;
  }
  return sum;
}
// x^a e^-x / Gamma(a + 1).
HEARTH_SPECIAL double gamma_term(double a, double x) {
  if (a < 1e-300 || x < 1e-300) return std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  if (a < 1) return std::pow(x, a) * std::exp(-x) / std::tgamma(a + 1);
  return std::exp(-stirling_error(a) - deviance(a, x)) / std::sqrt(2 * 3.14159265358979323846 * a);
}
// The lower one by its series, x up to about a.
HEARTH_SPECIAL double gamma_series(double a, double x) {
  double sum = 1, term = 1;
  for (int k = 1; k < 100000; ++k) {
    term *= x / (a + k);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return gamma_term(a, x) * sum;
}
// The upper one by its continued fraction (Lentz), x from about a + 1 on.
HEARTH_SPECIAL double gamma_fraction(double a, double x) {
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int k = 1; k < 100000; ++k) {
    const double n = -static_cast<double>(k) * (k - a);
    b += 2;
    d = 1 / (b + n * d);
    c = b + n / c;
    const double step = c * d;
    h *= step;
    if (std::abs(step - 1) < 1e-16) break;
  }
  return gamma_term(a, x) * a * h;
}
// For a above 10^6 the normal distribution of Temme's variable, with a first correction: a relative error of some 1e-9.
HEARTH_SPECIAL double gamma_far(double a, double x, bool upper) {
  const double side = deviance(a, x) / a, eta = std::copysign(std::sqrt(2 * side), x - a);
  const double near = -1.0 / 3 + eta * (1.0 / 12 - eta * (2.0 / 135 - eta / 864));
  const double correction = std::abs(eta) < 0.01 ? near : a / (x - a) - 1 / eta;
  const double rest = std::exp(-a * side) / std::sqrt(2 * 3.14159265358979323846 * a) * correction;
  const double y = eta * std::sqrt(a / 2);
  return upper ? std::erfc(y) / 2 + rest : std::erfc(-y) / 2 - rest;
}
// log Gamma(1 + a), 0 <= a <= 1/2, also where 1 + a rounds: -gamma a + sum of (-1)^k zeta(k) / k a^k.
HEARTH_SPECIAL double log_gamma_1p(double a) {
  if (a > 0.125) return std::lgamma(a + 1);
  constexpr double zetas[] = {1.6449340668482264, 1.2020569031595943, 1.0823232337111382, 1.0369277551433699,
                              1.0173430619844491, 1.0083492773819228, 1.0040773561979443, 1.0020083928260822,
                              1.0009945751278181, 1.0004941886041195, 1.0002460865533080, 1.0001227133475785,
                              1.0000612481350587, 1.0000305882363070, 1.0000152822594086, 1.0000076371976379};
  double sum = 0;
  for (int k = 17; k >= 2; --k) sum = a * (((k % 2 ? -1 : 1) * zetas[k - 2]) / k + sum);
  return a * (sum - 0.57721566490153286061);
}
// The integral of t^(a-1) e^-t over 0 to x (upper: over x to infinity), divided by Gamma(a). As in PyTorch NaN for
// negative operands and where both are 0 or infinite.
HEARTH_SPECIAL double incomplete_gamma(double a, double x, bool upper) {
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (std::isinf(a) && std::isinf(x))) return NAN;
  if (a == 0 || std::isinf(x)) return upper ? 0 : 1;
  if (x == 0 || std::isinf(a)) return upper ? 1 : 0;
  if (a > 1e6) return gamma_far(a, x, upper);
  if (x < a + 1) {
    // Where the upper one is small beside 1, x is not below a.
    if (!upper) return gamma_series(a, x);
    if (a >= 0.5 || x > 1) return x > 1 && x > a ? gamma_fraction(a, x) : 1 - gamma_series(a, x);
    // 1 - x^a / Gamma(a + 1) * ..., of which both may be near 1.
    double sum = 0, term = 1;
    for (int k = 1; k < 200; ++k) {
      term *= -x / k;
      sum += term / (a + k);
      if (std::abs(term) < std::abs(sum) * 1e-17) break;
    }
    const double log_power = a * std::log(x) - log_gamma_1p(a);
    return -std::expm1(log_power) - std::exp(log_power) * a * sum;
  }
  const double above = gamma_fraction(a, x);
  return upper ? above : 1 - above;
}
HEARTH_SPECIAL double gammainc(double a, double x) { return incomplete_gamma(a, x, false); }
HEARTH_SPECIAL double gammaincc(double a, double x) { return incomplete_gamma(a, x, true); }

}  // namespace hearth::special
