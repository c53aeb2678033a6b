// The classification extension: of an output's values the highest, as texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"

namespace hearth::serve {

struct Classes {
  Shape shape;                     // [k], or [batch, k]
  std::vector<std::string> texts;  // "value:index" or "value:index:label", highest first
};

// The k highest values of each example, or all where there are fewer; `batched`: dimension 0 counts examples, else
// there is one. Of equal values the one of the smaller index comes first. kInvalidArgument for k below 1.
absl::StatusOr<Classes> classify(const Tensor& output, int64_t k, bool batched, const std::vector<std::string>& labels);

// Those of an output: the signature's are of the first.
const std::vector<std::string>& labels_of(const graph::Signature& signature, size_t output);

// No less than the classes take until they stand in an answer: the values as f64, the texts, and two copies of those.
int64_t classes_bytes(const Tensor& output, int64_t k, bool batched, const std::vector<std::string>& labels);

// Appends an element of a BYTES tensor: its length as four bytes, little endian, and the bytes.
void append_bytes_element(std::string_view element, std::string& out);

}  // namespace hearth::serve
