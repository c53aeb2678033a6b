// Sizes that are known only when a graph runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hearth::graph {

/// A size: (factor * (product of the named dims) + offset) / divisor, rounded down. A plain number has no dims, and its
/// offset is the number.
struct SizeExpr {
  int64_t factor = 0;     ///< What the product of the dims is multiplied by.
  int64_t offset = 0;     ///< What is added.
  std::vector<int> dims;  ///< Indices into Graph::dims; one may stand there several times.
  int64_t divisor = 1;    ///< What the sum is divided by; at least 1.

  /// The number 0.
  SizeExpr() = default;
  /// A number.
  SizeExpr(int64_t number) : offset(number) {}
  /// (f * (product of the dims d) + o) / by.
  SizeExpr(int64_t f, std::vector<int> d, int64_t o, int64_t by = 1)
      : factor(f), offset(o), dims(std::move(d)), divisor(by) {}

  /// True for a plain number.
  bool constant() const { return dims.empty(); }
  /// True for one dim and nothing else.
  bool plain() const { return dims.size() == 1 && factor == 1 && offset == 0 && divisor == 1; }
  /// The value for these sizes of Graph::dims. Throws Error if it does not fit in 63 bits.
  int64_t value(std::span<const int64_t> dim_values) const;
  friend bool operator==(const SizeExpr&, const SizeExpr&) = default;
};

/// How a number follows from a size. All but kWhole give a floating-point number, computed in f64.
enum class SizeFunction : uint8_t {
  kWhole,           ///< The size itself, an integer.
  kFloat,           ///< The size as a floating-point number.
  kSqrt,            ///< std::sqrt(size)
  kReciprocal,      ///< 1.0 / size
  kReciprocalSqrt,  ///< 1.0 / std::sqrt(size)
  kLog,             ///< std::log(size)
};
/// The names of SizeFunction in graph.json, in its order.
constexpr const char* kSizeFunctions[] = {"whole", "float", "sqrt", "reciprocal", "reciprocal_sqrt", "log"};
/// The function of a size, computed in f64.
double apply(SizeFunction f, int64_t size);

/// The expression with the names of the dims: "2*batch*length + 1", "(length + 1) / 2".
std::string to_string(const SizeExpr& e, std::span<const std::string> names);

}  // namespace hearth::graph
