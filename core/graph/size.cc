#include "core/graph/size.h"

#include <cmath>

#include "core/base/error.h"

namespace hearth::graph {

int64_t SizeExpr::value(std::span<const int64_t> dim_values) const {
  if (constant()) return offset;
  int64_t v = factor;
  bool overflow = false;
  for (int d : dims) overflow |= __builtin_mul_overflow(v, dim_values[static_cast<size_t>(d)], &v);
  overflow |= __builtin_add_overflow(v, offset, &v);
  HEARTH_CHECK(!overflow, "a size of the graph overflows");
  return v / divisor - (v % divisor < 0);
}

double apply(SizeFunction f, int64_t size) {
  const auto v = static_cast<double>(size);
  switch (f) {
    case SizeFunction::kSqrt:
      return std::sqrt(v);
    case SizeFunction::kReciprocal:
      return 1.0 / v;
    case SizeFunction::kReciprocalSqrt:
      return 1.0 / std::sqrt(v);
    case SizeFunction::kLog:
      return std::log(v);
    default:
      return v;
  }
}

std::string to_string(const SizeExpr& e, std::span<const std::string> names) {
  if (e.constant()) return concat(e.offset);
  std::string s = e.factor == 1 ? "" : concat(e.factor);
  for (int d : e.dims) {
    if (!s.empty()) s += '*';
    s += names[static_cast<size_t>(d)];
  }
  if (e.offset > 0) s += concat(" + ", e.offset);
  if (e.offset < 0) s += concat(" - ", -e.offset);
  if (e.divisor != 1) s = concat(e.offset != 0 ? "(" : "", s, e.offset != 0 ? ")" : "", " / ", e.divisor);
  return s;
}

}  // namespace hearth::graph
