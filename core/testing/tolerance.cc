#include "core/testing/tolerance.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hearth::testing {
namespace {

struct Format {
  int digits, lowest, highest;  // bits of the mantissa; exponents of normal numbers
};
Format format_of(DType t) {
  switch (t) {
    case DType::kF16:
      return {11, -14, 15};
    case DType::kBF16:
      return {8, -126, 127};
    case DType::kF32:
      return {24, -126, 127};
    default:
      return {53, -1022, 1023};
  }
}

}  // namespace

Tolerance tolerance_of(Accuracy a) {
  switch (a) {
    case Accuracy::kExact:
      return {0.5, 0};
    case Accuracy::kMath:
      return {2, 0};
    case Accuracy::kLibrary:
      return {5, 0};
    case Accuracy::kSteps:
      return {4, 0};
    case Accuracy::kCancels:
      return {2, 4};
    case Accuracy::kSum:
      return {1, 4};
    case Accuracy::kGradient:
      return {4, 16};
  }
  return {0, 0};
}

long double ulp(long double v, DType t) {
  const Format f = format_of(t);
  const int e = v == 0 ? f.lowest : std::clamp(std::ilogb(v), f.lowest, f.highest);
  return std::ldexp(1.0L, e - f.digits + 1);
}

long double excess(long double got, long double want, DType t, Accuracy accuracy, long double size, double terms,
                   DType computed) {
  if (got == want) return 0;
  constexpr long double kWrong = std::numeric_limits<long double>::infinity();
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : kWrong;
  if (!is_floating_point(t)) return got == want ? 0 : kWrong;
  if (std::isinf(want)) return got == want ? 0 : kWrong;
  const Format f = format_of(t);
  // Infinity stands where the next number would be.
  const long double beyond = std::ldexp(1.0L, f.highest + 1);
  if (std::isinf(got)) got = std::copysign(beyond, got);
  want = std::clamp(want, -beyond, beyond);
  const Tolerance allowed = tolerance_of(accuracy);
  // Of a 16-bit result only the last rounding counts; f32's errors before it are small beside it.
  const double narrow = computed == t ? 0 : std::ldexp(1.0, f.digits - 24);
  const double ulps = computed == t ? allowed.ulps : 0.5 + allowed.ulps * narrow;
  const long double unit = std::ldexp(1.0L, -format_of(computed).digits);
  return std::abs(got - want) - ulps * ulp(want, t) - allowed.parts * std::sqrt(terms) * unit * size;
}

}  // namespace hearth::testing
