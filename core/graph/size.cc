#include "core/graph/size.h"

#include "core/base/error.h"

namespace hearth::graph {

int64_t SizeExpr::value(std::span<const int64_t> dim_values) const {
  if (constant()) return offset;
  int64_t v = factor;
  bool overflow = false;
  for (int d : dims) overflow |= __builtin_mul_overflow(v, dim_values[static_cast<size_t>(d)], &v);
  overflow |= __builtin_add_overflow(v, offset, &v);
  HEARTH_CHECK(!overflow, "a size of the graph overflows");
  return v;
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
  return s;
}

}  // namespace hearth::graph
