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
  const double v = s.to<double>();
  switch (t) {
    case DType::kBool:
    case DType::kF64:
    case DType::kC128:
      return true;
    case DType::kC64:
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: {
      const double largest = t == DType::kF16 ? 65504.0 : t == DType::kBF16 ? 0x1.fep127 : 0x1.fffffep127;
      return !std::isfinite(v) || std::abs(v) <= largest;
    }
    case DType::kI64:
      return s.kind() != DTypeKind::kFloat || (v >= -0x1p63 && v < 0x1p63);
    case DType::kU8:
      return v > -256 && v < 256;
    case DType::kI8:
      return v > -129 && v < 128;
    case DType::kI16:
      return v > -32769 && v < 32768;
    case DType::kI32:
      return v > -2147483649.0 && v < 2147483648.0;
  }
  return true;
}

}  // namespace hearth
