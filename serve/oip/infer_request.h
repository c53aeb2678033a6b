// Infer requests of the Open Inference Protocol, version 2: JSON with or without binary tensors behind it.
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and Triton's extensions
// "binary tensor data" and "classification".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "serve/base/memory_budget.h"
#include "serve/model/value.h"

namespace hearth::serve {

/// What a client asks of a model, whichever front end it uses.
struct InferRequest {
  /// An output that the client wants.
  struct Output {
    size_t index;  ///< The output: an index into the signature's outputs.
    bool binary;   ///< Whether the client wants it as binary data.
    /// If above 0: not the output itself, but this number of its highest values, as text (parameter "classification").
    int64_t classes = 0;
  };
  std::string id;                   ///< The client's id for the request, returned with the answer; empty for none.
  std::vector<Value> inputs;        ///< The inputs in the signature's order; empty if there is a file.
  std::optional<std::string> file;  ///< In place of inputs: a file for the model's own preprocessing.
  std::vector<Output> outputs;      ///< The outputs that the client wants, in its order; all if it named none.
  bool urgent = false;              ///< Whether the parameter "priority" is 1.
  std::optional<std::chrono::microseconds> timeout;  ///< The parameter "timeout": from arrival to the deadline.
};

/// Parses the body of an infer request and checks it against the signature. `header_length` says what the body is:
/// - nothing: JSON alone;
/// - above 0: this many bytes of JSON, then the binary inputs in the order in which the JSON has them;
/// - 0: the model's only input as binary data and nothing else; the outputs are then wanted as binary data.
///
/// kInvalidArgument names the input and what is wrong. Adds the memory of parser and tensors to `memory`, and on
/// success gives the parser's part back; kResourceExhausted if the budget has too little left.
absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature, Reservation* memory = nullptr);

/// Sets Output::classes from the parameter "classification" of the output `port`. kInvalidArgument for a number below
/// 1, and for an output of strings, which has no highest values.
absl::Status set_classes(int64_t k, const graph::Signature::Port& port, InferRequest::Output& output);
/// Sets InferRequest::urgent from the parameter "priority": 1 is urgent, 0 and 2 are not; else kInvalidArgument.
absl::Status set_priority(int64_t priority, InferRequest& request);
/// Sets InferRequest::timeout from the parameter "timeout": 0 means none, and more than a day is cut to a day.
/// kInvalidArgument for a negative one.
absl::Status set_timeout(int64_t microseconds, InferRequest& request);
/// The error for an unknown parameter, kInvalidArgument. `of` says whose it is: "the request". Unknown parameters are
/// refused because they could change what the answer means.
absl::Status unknown_parameter(std::string_view key, std::string_view of);

}  // namespace hearth::serve
