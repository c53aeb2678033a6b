// The classification extension: the highest values of an output, as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

/// The highest values of each example, as text.
struct Classes {
  /// The shape of the texts: [k], or [batch, k] for a batched model.
  Shape shape;
  /// "value:index" or, where the index has a label, "value:index:label". One example after the other, each with its
  /// highest value first. The index counts the example's elements in row-major order.
  std::vector<std::string> texts;
};

/// The k highest values of each example, or all if there are fewer. `batched`: dimension 0 counts the examples; else
/// the output is one example. Equal values are sorted by index; NaN comes last. kInvalidArgument for k below 1.
absl::StatusOr<Classes> classify(const Tensor& output, int64_t k, bool batched, const std::vector<std::string>& labels);

/// The labels of an output's classes: the signature's for output 0, none for others.
const std::vector<std::string>& labels_of(const graph::Signature& signature, size_t output);

/// An upper bound of the memory of classify() and of its texts in an answer, in bytes.
int64_t classes_bytes(const Tensor& output, int64_t k, bool batched, const std::vector<std::string>& labels);

}  // namespace hearth::serve
