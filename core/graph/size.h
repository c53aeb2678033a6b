// Sizes that are known only when a graph runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hearth::graph {

// factor * (product of the named dims) + offset; a plain number has no dims. Dims are indices into Graph::dims.
struct SizeExpr {
  int64_t factor = 0;
  int64_t offset = 0;
  std::vector<int> dims;

  SizeExpr() = default;
  SizeExpr(int64_t number) : offset(number) {}
  SizeExpr(int64_t f, std::vector<int> d, int64_t o) : factor(f), offset(o), dims(std::move(d)) {}

  bool constant() const { return dims.empty(); }
  // Throws Error where the value does not fit in 63 bits.
  int64_t value(std::span<const int64_t> dim_values) const;
  friend bool operator==(const SizeExpr&, const SizeExpr&) = default;
};

// "2*batch*length + 1"
std::string to_string(const SizeExpr& e, std::span<const std::string> names);

}  // namespace hearth::graph
