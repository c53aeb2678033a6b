// Scalar functions that the C library lacks or defines differently.
#pragma once

#include <cstdint>

#include "core/kernels/incomplete_gamma.h"
#include "core/kernels/special_functions.h"

namespace hearth::special {

// The x with erf(x) = y; infinite at -1 and 1, NaN outside. Giles' approximation ("Approximating the erfinv function",
// 2012), two Newton steps on erf.
double erfinv(double y);
// log |Gamma(x)|, thread-safe.
double lgamma(double x);
// Wraps on overflow; a negative exponent gives 0, or +-1 for a base of +-1.
int64_t integer_pow(int64_t base, int64_t exponent);

// Quotient and remainder of the division that rounds downwards; integers give 0 for a divisor of 0 (ops refuse it
// before).
float floor_divide(float a, float b);
double floor_divide(double a, double b);
int64_t floor_divide(int64_t a, int64_t b);
float floor_remainder(float a, float b);
double floor_remainder(double a, double b);
int64_t floor_remainder(int64_t a, int64_t b);

}  // namespace hearth::special
