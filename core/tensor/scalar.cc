#include "core/tensor/scalar.h"

#include "core/base/error.h"

namespace hearth {

std::string to_string(const Scalar& s) {
  switch (s.kind()) {
    case DTypeKind::kBool:
      return s.to<bool>() ? "true" : "false";
    case DTypeKind::kInt:
      return concat(s.to<int64_t>());
    case DTypeKind::kFloat:
      return concat(s.to<double>());
  }
  return "?";
}

}  // namespace hearth
