#include "core/kernels/cpu/special.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace hearth::special {

double erfinv(double y) {
  if (std::isnan(y) || y < -1 || y > 1) return std::numeric_limits<double>::quiet_NaN();
  if (std::abs(y) == 1) return std::copysign(std::numeric_limits<double>::infinity(), y);
  if (y == 0) return y;
  // A start within a few digits; Newton's method doubles them each time.
  const double w = -std::log1p(-y * y);
  const double a = 2 / (std::numbers::pi * 0.147) + (-w) / 2;
  double x = std::copysign(std::sqrt(std::sqrt(a * a + w / 0.147) - a), y);
  for (int i = 0; i < 4; ++i) {
    // Near +-1 the difference is taken on erfc, where it keeps its digits.
    const double error = y > 0.5 ? (1 - y) - std::erfc(x) : y < -0.5 ? std::erfc(-x) - (1 + y) : std::erf(x) - y;
    const double slope = 2 / std::sqrt(std::numbers::pi) * std::exp(-x * x);
    const double step = error / slope;
    x -= step / (1 + x * step);  // Halley's correction
  }
  return x;
}

double lgamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

int64_t integer_pow(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t b = static_cast<uint64_t>(base), r = 1;
  for (; exponent; exponent >>= 1, b *= b) {
    if (exponent & 1) r *= b;
  }
  return static_cast<int64_t>(r);
}

namespace {

template <class T>
T float_remainder(T a, T b) {
  const T m = std::fmod(a, b);
  return m != 0 && (b < 0) != (m < 0) ? m + b : m;
}

// As Python divides: from the exact remainder, so that the quotient is not rounded over an integer.
template <class T>
T float_floor_divide(T a, T b) {
  if (b == 0) return a / b;
  const T m = std::fmod(a, b);
  T q = (a - m) / b;
  if (m != 0 && (b < 0) != (m < 0)) q -= 1;
  if (q == 0) return std::copysign(T(0), a / b);
  const T down = std::floor(q);
  return q - down > T(0.5) ? down + 1 : down;
}

}  // namespace

float floor_divide(float a, float b) { return float_floor_divide(a, b); }
double floor_divide(double a, double b) { return float_floor_divide(a, b); }
int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int64_t>(0u - static_cast<uint64_t>(a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
float floor_remainder(float a, float b) { return float_remainder(a, b); }
double floor_remainder(double a, double b) { return float_remainder(a, b); }
int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  const int64_t m = a % b;
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

}  // namespace hearth::special
