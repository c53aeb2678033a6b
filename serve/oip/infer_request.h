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
#include "core/tensor/tensor.h"
#include "serve/base/memory_budget.h"

namespace hearth::serve {

/// What a client asks of a model, whichever front end it uses.
struct InferRequest {
  struct Output {
    size_t index;  // of the signature's outputs
    bool binary;
    int64_t classes = 0;  // above 0: only so many of the highest values, as text (parameter "classification")
  };
  std::string id;
  std::vector<Tensor> inputs;       // in the signature's order
  std::optional<std::string> file;  // in place of inputs: a file for the model's own preprocessing
  std::vector<Output> outputs;
  bool urgent = false;  // the parameter "priority" is 1
  std::optional<std::chrono::microseconds> timeout;
};

/// Parses the body of an infer request and checks it against the signature. `header_length`: how many bytes of JSON the
/// body begins with if binary tensors follow; 0: the body is the model's only input and nothing else, and the outputs
/// shall be binary. kInvalidArgument names the input and what is wrong. Adds the memory of parser and tensors to
/// `memory`, and gives the parser's back; kResourceExhausted if the budget has too little left.
absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature, Reservation* memory = nullptr);

/// Sets InferRequest::urgent from the parameter "priority": 1 is urgent, 0 and 2 are not; else kInvalidArgument.
absl::Status set_priority(int64_t priority, InferRequest& request);
/// Sets InferRequest::timeout from the parameter "timeout"; 0 is none. kInvalidArgument for a negative one.
absl::Status set_timeout(int64_t microseconds, InferRequest& request);
/// The error for an unknown parameter of `of`. Unknown ones are refused because they could change the answer's meaning.
absl::Status unknown_parameter(std::string_view key, std::string_view of);

}  // namespace hearth::serve
