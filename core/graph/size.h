// Sizes that are known only when a graph runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hearth::graph {

// (factor * (product of the named dims) + offset) / divisor, rounded down; a plain number has no dims and no divisor.
// Dims are indices into Graph::dims.
struct SizeExpr {
  int64_t factor = 0;
  int64_t offset = 0;
  std::vector<int> dims;
  int64_t divisor = 1;

  SizeExpr() = default;
  SizeExpr(int64_t number) : offset(number) {}
  SizeExpr(int64_t f, std::vector<int> d, int64_t o, int64_t by = 1)
      : factor(f), offset(o), dims(std::move(d)), divisor(by) {}

  bool constant() const { return dims.empty(); }
  // One dim and nothing else.
  bool plain() const { return dims.size() == 1 && factor == 1 && offset == 0 && divisor == 1; }
  // Throws Error where the value does not fit in 63 bits.
  int64_t value(std::span<const int64_t> dim_values) const;
  friend bool operator==(const SizeExpr&, const SizeExpr&) = default;
};

// What a number that is not whole, or is used as such, is made of a size by.
enum class SizeFunction : uint8_t { kWhole, kFloat, kSqrt, kReciprocal, kReciprocalSqrt, kLog };
constexpr const char* kSizeFunctions[] = {"whole", "float", "sqrt", "reciprocal", "reciprocal_sqrt", "log"};
double apply(SizeFunction f, int64_t size);  // computed in f64, as std::sqrt(size), 1.0 / size, 1.0 / std::sqrt(size)

// "2*batch*length + 1", "(length + 1) / 2"
std::string to_string(const SizeExpr& e, std::span<const std::string> names);

}  // namespace hearth::graph
