// Gamma and Bessel functions in f64, once for the CPU and for GPUs: HEARTH_SPECIAL says how they are compiled there.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/kernels/any_device.h"

namespace hearth::special {

// d/dx log Gamma(x): reflection, recurrence and the asymptotic series (Abramowitz and Stegun, 6.3).
HEARTH_SPECIAL double digamma(double x) {
  constexpr double pi = 3.14159265358979323846;
  if (x == 0) return std::copysign(HUGE_VAL, -x);
  double result = 0;
  if (x < 0) {
    if (x == std::floor(x)) return NAN;
    result = -pi / std::tan(pi * (x - std::trunc(x)));
    x = 1 - x;
  }
  double below = 0;
  for (; x < 10; ++x) below -= 1 / x;
  if (x == 10) return result + (below + 2.25175258906672110764);
  const double z = 1 / (x * x);
  const double series =
      z *
      (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return result + (below + std::log(x) - 0.5 / x - series);
}

// The sum of (q + k)^-s over k >= 0, s > 1, no pole: the first terms, the rest by Euler and Maclaurin.
HEARTH_SPECIAL double zeta_sum(double s, double q) {
  double sum = 0;
  // Well behind s the series falls off.
  const double enough = 10 + (s > 10 ? (s < 1000 ? s : 1000) : 10);
  while (q < enough) {
    const double term = std::pow(q, -s);
    sum += term;
    q += 1;
    if (q > 1 && term < sum * 1e-18) return sum;
  }
  const double power = std::pow(q, -s);
  sum += power * (q / (s - 1) + 0.5);
  // B_2j / (2j)! for j = 1, 2, ...
  constexpr double coefficients[] = {1.0 / 12,          -1.0 / 720,
                                     1.0 / 30240,       -1.0 / 1209600,
                                     1.0 / 47900160,    -691.0 / 1307674368000,
                                     1.0 / 74724249600, -3617.0 / 10670622842880000};
  double factor = s * power / q;
  for (int j = 0; j < 8; ++j) {
    const double term = coefficients[j] * factor;
    sum += term;
    if (std::abs(term) < std::abs(sum) * 1e-17) break;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
  }
  return sum;
}
// Hurwitz' zeta function. As in PyTorch infinite for s = 1 and for the poles q = 0, -1, ..., NaN for s < 1 and, below
// 0, for an s that is not whole. For s other than 2 NaN below -10^4, too: there are as many terms.
HEARTH_SPECIAL double zeta(double s, double q) {
  if (s == 1) return HUGE_VAL;
  if (!(s > 1)) return NAN;
  if (std::isnan(q)) return q;
  if (std::isinf(q) && q > 0) return 0;
  if (q > 0) return zeta_sum(s, q);
  if (q == std::floor(q)) return HUGE_VAL;
  if (s == 2) {
    // Of q the distance to the next whole number counts, which is exact.
    const double sine = std::sin(3.14159265358979323846 * (q - std::round(q))), root = 3.14159265358979323846 / sine;
    return root * root - zeta_sum(2, 1 - q);
  }
  return s != std::floor(s) || q < -1e4 ? NAN : zeta_sum(s, q);
}

// The n-th derivative of digamma, n >= 0.
HEARTH_SPECIAL double polygamma(double x, double n) {
  if (n == 0) return digamma(x);
  const double size = std::tgamma(n + 1) * zeta(n + 1, x);
  return std::fmod(n, 2) == 1 ? size : -size;
}

// The greatest common divisor, at least 0; of i64's least number and 0 or itself that number.
HEARTH_SPECIAL int64_t gcd(int64_t a, int64_t b) {
  // Unsigned: the least number has no positive counterpart.
  auto p = static_cast<uint64_t>(a), q = static_cast<uint64_t>(b);
  if (a < 0) p = 0 - p;
  if (b < 0) q = 0 - q;
  while (q != 0) {
    const uint64_t rest = p % q;
    p = q;
    q = rest;
  }
  return static_cast<int64_t>(p);
}

// The modified Bessel function I_n(x) of the first kind for |x| <= 20, n = 0 or 1 (Abramowitz and Stegun, 9.6.10).
HEARTH_SPECIAL double bessel_i_series(double y, int n) {
  const double z = y * y / 4;
  double sum = 1, term = 1;
  for (int k = 1; term > sum * 1e-17 && k < 200; ++k) {
    term *= z / (static_cast<double>(k) * (k + n));
    sum += term;
  }
  return n == 1 ? sum * (y / 2) : sum;
}
// e^-|x| I_n(x) for |x| > 20 (9.7.1).
HEARTH_SPECIAL double bessel_i_far(double y, int n) {
  if (std::isinf(y)) return 0;
  double sum = 1, term = 1;
  for (int k = 1; k < 40; ++k) {
    const double odd = 2 * k - 1;
    const double next = -term * (4.0 * n - odd * odd) / (k * 8 * y);
    if (!(std::abs(next) < std::abs(term)) || std::abs(next) < 1e-17) break;
    sum += term = next;
  }
  return sum / std::sqrt(2 * 3.14159265358979323846 * y);
}
HEARTH_SPECIAL double bessel_i(double x, int n) {
  const double y = std::abs(x);
  double size = 0;
  if (y <= 20) {
    size = bessel_i_series(y, n);
  } else if (y < 700) {
    size = bessel_i_far(y, n) * std::exp(y);
  } else {
    // e^y overflows a little before the function does.
    const double half = std::exp(y / 2);
    size = std::isinf(y) ? y : bessel_i_far(y, n) * half * half;
  }
  return n == 1 && x < 0 ? -size : size;
}
// e^-|x| I_n(x).
HEARTH_SPECIAL double scaled_bessel_i(double x, int n) {
  const double y = std::abs(x), size = y <= 20 ? bessel_i_series(y, n) * std::exp(-y) : bessel_i_far(y, n);
  return n == 1 && x < 0 ? -size : size;
}

}  // namespace hearth::special
