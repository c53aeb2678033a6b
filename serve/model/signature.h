// What a model's signature means for requests: batching, checks of inputs, memory of outputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// Whether dimension 0 of every input and output is called "batch": it counts independent examples, so the server may
/// join requests along it.
bool is_batched(const graph::Signature& signature);

/// The most examples that a batched model takes at once; INT64_MAX if there is no limit or the model is not batched.
int64_t largest_batch(const graph::Signature& signature);

/// A shape as text for messages: "[batch, 3, 224, 224]".
std::string shape_text(const std::vector<graph::Signature::Extent>& shape);

/// kInvalidArgument names the port if `shape` is not one that it takes: rank, fixed sizes, largest sizes, and no open
/// size below 1.
absl::Status check_shape(const graph::Signature::Port& port, const Shape& shape);

/// Checks inputs in the signature's order: their number, dtypes and shapes, and that sizes with the same name agree.
/// kInvalidArgument names the first input that does not fit.
absl::Status check_inputs(const graph::Signature& signature, const std::vector<Value>& inputs);

/// Bytes that the outputs of a run will take, as far as the inputs' sizes tell; an unknown size counts as 1, and a
/// string as one without characters.
int64_t output_bytes(const graph::Signature& signature, const std::vector<Value>& inputs);

/// The memory of all elements of all values, in bytes.
int64_t bytes_of(const std::vector<Value>& values);

}  // namespace hearth::serve
