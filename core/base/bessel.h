// The Bessel function of Kaiser windows.
#pragma once

namespace hearth {

/// The modified Bessel function of the first kind of order 0: the sum of ((x / 2)^k / k!)^2 over k >= 0, whose terms
/// are all positive. |x| must be below 700, where it overflows.
inline double bessel_i0(double x) {
  double term = 1, sum = 1;
  for (int k = 1; term > sum * 1e-17; ++k) {
    const double f = x / (2 * k);
    sum += term *= f * f;
  }
  return sum;
}

}  // namespace hearth
