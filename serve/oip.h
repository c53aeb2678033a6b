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

namespace hearth::serve {

// "FP32" and the like; null for a dtype that the protocol has not.
const char* oip_datatype(DType t);
std::optional<DType> parse_oip_datatype(std::string_view name);

struct InferRequest {
  struct Output {
    size_t index;  // of the signature's outputs
    bool binary;
  };
  std::string id;
  std::vector<Tensor> inputs;  // in the signature's order
  std::vector<Output> outputs;
  bool urgent = false;  // parameter "priority" is 1
  std::optional<std::chrono::microseconds> timeout;
};

// Reads the body of an infer request. header_length: how many of its first bytes are JSON, if binary tensors follow; 0:
// the body is the model's only input and nothing else, and the outputs shall be binary.
// Everything is held against the signature: kInvalidArgument names the input and what is wrong with it.
absl::StatusOr<InferRequest> parse_infer(std::string_view body, std::optional<int64_t> header_length,
                                         const graph::Signature& signature);

// Holds one input against what the model takes.
absl::Status check_input(const graph::Signature::Port& port, DType dtype, const Shape& shape);
// Holds inputs in the signature's order against it: dtypes, shapes, and that sizes of one name agree.
absl::Status check_inputs(const graph::Signature& signature, const std::vector<Tensor>& inputs);

struct InferResponse {
  std::string body;
  int64_t json_length = 0;  // the JSON's part of the body, if binary tensors follow, else 0
};
// kInvalidArgument where an output holds a number that JSON has not (NaN, infinity) and is not wanted as binary data.
absl::StatusOr<InferResponse> write_infer(std::string_view model, int64_t version, const InferRequest& request,
                                          const graph::Signature& signature, const std::vector<Tensor>& outputs);

// Whether an Authorization header is "Bearer" and one of the tokens. Takes as long for every wrong one of a length.
bool is_bearer(std::string_view header, const std::vector<std::string>& tokens);

// The inputs or outputs of a model's metadata, as a JSON array.
std::string ports_json(const std::vector<graph::Signature::Port>& ports);

}  // namespace hearth::serve
