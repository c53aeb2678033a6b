// The Open Inference Protocol, version 2, as JSON with or without binary tensors behind it.
// https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and Triton's
// "binary tensor data" extension.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/graph/save.h"
#include "core/tensor/tensor.h"
#include "serve/datatype.h"
#include "serve/memory_budget.h"

namespace hearth::serve {

struct InferRequest {
  struct Output {
    size_t index;  // of the signature's outputs
    bool binary;
    int64_t classes = 0;  // above 0: its so many highest values as texts (parameter "classification")
  };
  std::string id;
  std::vector<Tensor> inputs;       // in the signature's order
  std::optional<std::string> file;  // instead of inputs: one for the model's own preprocessing
  std::vector<Output> outputs;
  bool urgent = false;  // parameter "priority" is 1
  std::optional<std::chrono::microseconds> timeout;
};

// Reads the body of an infer request. header_length: how many of its first bytes are JSON, if binary tensors follow; 0:
// the body is the model's only input and nothing else, and the outputs shall be binary.
// Everything is held against the signature: kInvalidArgument names the input and what is wrong with it.
// What the parser and the tensors take is added to `memory`, and the parser's part given back: kResourceExhausted if
// there is not as much.
absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature, Reservation* memory = nullptr);

// Of parameters, for all front ends. kInvalidArgument.
absl::Status set_priority(int64_t priority, InferRequest& request);
absl::Status set_timeout(int64_t microseconds, InferRequest& request);
// What is not known is refused: it might change what the answer means.
absl::Status unknown_parameter(std::string_view key, std::string_view of);

struct InferResponse {
  std::string body;
  int64_t json_length = 0;  // the JSON's part of the body, if binary tensors follow, else 0
};
// kInvalidArgument where an output holds a number that JSON has not (NaN, infinity) and is not wanted as binary data.
absl::StatusOr<InferResponse> write_infer(std::string_view model, int64_t version, const InferRequest& request,
                                          const graph::Signature& signature, const std::vector<Tensor>& outputs);

// No less than write_infer takes besides the outputs.
int64_t response_bytes(const InferRequest& request, const graph::Signature& signature,
                       const std::vector<Tensor>& outputs);

// The body of a request to the repository, which may be empty: its "ready". kInvalidArgument names a parameter that
// would change what is loaded (Triton's "config" and "file:...").
absl::StatusOr<bool> parse_repository_request(std::string_view body, bool unload);

// Whether an Authorization header is "Bearer" and one of the tokens. Takes as long for every wrong one of a length.
bool is_bearer(std::string_view header, const std::vector<std::string>& tokens);

// The inputs or outputs of a model's metadata, as a JSON array.
std::string ports_json(const std::vector<graph::Signature::Port>& ports);

}  // namespace hearth::serve
