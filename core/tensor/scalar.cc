#include "core/tensor/scalar.h"

#include <cmath>

#include "core/base/error.h"

namespace hearth {

void detail::number_too_large(uint64_t v) {
  fail("the number ", v, " does not fit into i64, in which whole numbers are kept; give it as a double");
}

std::string to_string(const Scalar& s) {
  switch (s.kind()) {
    case DTypeKind::kBool:
      return s.to<bool>() ? "true" : "false";
    case DTypeKind::kInt:
      return concat(s.to<int64_t>());
    case DTypeKind::kFloat:
    case DTypeKind::kComplex:  // no number is
      return concat(s.to<double>());
  }
  return "?";
}

bool fits(const Scalar& s, DType t) {
  const double v = s.to<double>(), max = traits(t).max;
  switch (traits(t).kind) {
    case DTypeKind::kBool:
      return true;
    case DTypeKind::kInt:
      if (t == DType::kI64) return s.kind() != DTypeKind::kFloat || (v >= -max && v < max);
      // Truncated towards zero.
      return v < max + 1 && v > (t == DType::kU8 ? -max - 1 : -max - 2);
    case DTypeKind::kFloat:
    case DTypeKind::kComplex:
      return !std::isfinite(v) || std::abs(v) <= max;
  }
  return true;
}

}  // namespace hearth
